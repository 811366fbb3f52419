CREATE TABLE public.access_keys (
    access_key_id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    encrypted_secret text NOT NULL COLLATE pg_catalog."C",
    enabled boolean NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.accounts (
    account_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.assets (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    data_set_id text NOT NULL COLLATE pg_catalog."C",
    revision_id text NOT NULL COLLATE pg_catalog."C",
    asset_type text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    size_bytes bigint NOT NULL,
    store_key text NOT NULL COLLATE pg_catalog."C",
    store_etag text NOT NULL COLLATE pg_catalog."C",
    checksum_algorithm text COLLATE pg_catalog."C",
    checksum_value text COLLATE pg_catalog."C"
);
CREATE TABLE public.data_sets (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    asset_type text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL COLLATE pg_catalog."C",
    origin text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.entrepot_schema_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.job_items (
    job_id text NOT NULL COLLATE pg_catalog."C",
    number integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    source_bucket text COLLATE pg_catalog."C",
    source_key text NOT NULL COLLATE pg_catalog."C",
    destination_bucket text COLLATE pg_catalog."C",
    destination_key text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    source_etag text COLLATE pg_catalog."C",
    source_checksum_algorithm text COLLATE pg_catalog."C",
    source_checksum_value text COLLATE pg_catalog."C",
    result_size_bytes bigint,
    result_etag text COLLATE pg_catalog."C",
    result_checksum_algorithm text COLLATE pg_catalog."C",
    result_checksum_value text COLLATE pg_catalog."C",
    checkpoint_json text COLLATE pg_catalog."C"
);
CREATE TABLE public.job_revisions (
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    revision_id text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    job_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.job_runs (
    job_id text NOT NULL COLLATE pg_catalog."C",
    attempt integer NOT NULL,
    worker_id text COLLATE pg_catalog."C",
    enqueued_at bigint NOT NULL,
    planned boolean NOT NULL,
    items bigint NOT NULL,
    items_done bigint NOT NULL,
    bytes bigint NOT NULL,
    bytes_done bigint NOT NULL
);
CREATE TABLE public.jobs (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    aws_partition text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    attempt integer NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    data_set_id text NOT NULL COLLATE pg_catalog."C",
    revision_ids text NOT NULL COLLATE pg_catalog."C",
    details_json text NOT NULL COLLATE pg_catalog."C",
    asset_configuration_json text COLLATE pg_catalog."C",
    errors_json text COLLATE pg_catalog."C"
);
CREATE TABLE public.revisions (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    data_set_id text NOT NULL COLLATE pg_catalog."C",
    comment text COLLATE pg_catalog."C",
    finalized boolean NOT NULL,
    revocation_comment text COLLATE pg_catalog."C",
    revoked_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.store_garbage (
    store_key text NOT NULL COLLATE pg_catalog."C",
    recorded_at bigint NOT NULL
);
CREATE TABLE public.tags (
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    arn text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.workers (
    worker_id text NOT NULL COLLATE pg_catalog."C",
    beat_at bigint NOT NULL
);
INSERT INTO public.assets VALUES ('350fa570fe60e1fb07bdda59ff5d4589', '123456789012', 'us-east-1', '88fdc6571496a836e02ffe3b163fc5d6', '774c18bea1d86a866a40ad062556aa5e', 'S3_SNAPSHOT', 'hello.txt', 1796057875634, 1796057875634, 5, 'assets/35/350fa570fe60e1fb07bdda59ff5d4589', '3377857006524257-5', 'CRC64NVME', 'M3eFcAZSQlc=');
INSERT INTO public.data_sets VALUES ('88fdc6571496a836e02ffe3b163fc5d6', '123456789012', 'us-east-1', 'S3_SNAPSHOT', 'Prices', 'Of an earlier version', 'OWNED', 1796057860911, 1796057860911);
INSERT INTO public.entrepot_schema_version VALUES ('0001');
INSERT INTO public.job_items VALUES ('10df109cd54c785ca5f32191b439c6a5', 0, 'object', 'slow', 'object', NULL, 'assets/52/52e5da0d81f31648459f14656ce25f5a', 110000, '05a1dc29ee3ebf54911ddca03637476c', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', '774c18bea1d86a866a40ad062556aa5e', 1796057861271, '1343592055f5fcec8f6d0864387df90e');
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', 'f7de88fb45d3811e8a25757475ca71a3', 1796057875958, '10df109cd54c785ca5f32191b439c6a5');
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', 'f7de88fb45d3811e8a25757475ca71a3', 1796057876001, '610f5b800e36bdfa70d6e6073ff49565');
INSERT INTO public.job_runs VALUES ('10df109cd54c785ca5f32191b439c6a5', 1, '0cd0b4b7-0', 1796057876101, true, 1, 0, 110000, 0);
INSERT INTO public.jobs VALUES ('1343592055f5fcec8f6d0864387df90e', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSET_FROM_SIGNED_URL', 'COMPLETED', 1, 1796057861271, 1796057875645, '88fdc6571496a836e02ffe3b163fc5d6', '774c18bea1d86a866a40ad062556aa5e', '{"ImportAssetFromSignedUrl":{"AssetName":"hello.txt","DataSetId":"88fdc6571496a836e02ffe3b163fc5d6","Md5Hash":"XUFAKrxLKna5cZ2REBfFkg==","RevisionId":"774c18bea1d86a866a40ad062556aa5e","SignedUrl":"http://127.0.0.1:35409/entrepot/objects/uploads/13/1343592055f5fcec8f6d0864387df90e?expires=1796061461271&md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&signature=e4ba27309975583aba56eee98001b9a620d5fc9c0faa89fd4ddc7088919f376a","SignedUrlExpiresAt":"2026-11-30T17:57:41.271Z"}}', NULL, NULL);
INSERT INTO public.jobs VALUES ('610f5b800e36bdfa70d6e6073ff49565', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSETS_FROM_S3', 'WAITING', 0, 1796057876001, 1796057876001, '88fdc6571496a836e02ffe3b163fc5d6', 'f7de88fb45d3811e8a25757475ca71a3', '{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"waits"}],"DataSetId":"88fdc6571496a836e02ffe3b163fc5d6","RevisionId":"f7de88fb45d3811e8a25757475ca71a3"}}', NULL, NULL);
INSERT INTO public.jobs VALUES ('10df109cd54c785ca5f32191b439c6a5', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSETS_FROM_S3', 'IN_PROGRESS', 1, 1796057875958, 1796057876101, '88fdc6571496a836e02ffe3b163fc5d6', 'f7de88fb45d3811e8a25757475ca71a3', '{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"object"}],"DataSetId":"88fdc6571496a836e02ffe3b163fc5d6","RevisionId":"f7de88fb45d3811e8a25757475ca71a3"}}', NULL, NULL);
INSERT INTO public.revisions VALUES ('774c18bea1d86a866a40ad062556aa5e', '123456789012', 'us-east-1', '88fdc6571496a836e02ffe3b163fc5d6', 'final', true, NULL, NULL, 1796057861085, 1796057875849);
INSERT INTO public.revisions VALUES ('f7de88fb45d3811e8a25757475ca71a3', '123456789012', 'us-east-1', '88fdc6571496a836e02ffe3b163fc5d6', 'open', false, NULL, NULL, 1796057875903, 1796057875903);
INSERT INTO public.store_garbage VALUES ('uploads/13/1343592055f5fcec8f6d0864387df90e', 1796057875727);
INSERT INTO public.tags VALUES ('123456789012', 'us-east-1', 'arn:aws:dataexchange:us-east-1:123456789012:data-sets/88fdc6571496a836e02ffe3b163fc5d6', 'made', 'before');
INSERT INTO public.workers VALUES ('0cd0b4b7-0', 1796057876462);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pkey PRIMARY KEY (access_key_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.data_sets
    ADD CONSTRAINT data_sets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.entrepot_schema_version
    ADD CONSTRAINT entrepot_schema_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.job_items
    ADD CONSTRAINT job_items_pkey PRIMARY KEY (job_id, number);
ALTER TABLE ONLY public.job_revisions
    ADD CONSTRAINT job_revisions_pkey PRIMARY KEY (account_id, region, revision_id, created_at, job_id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.store_garbage
    ADD CONSTRAINT store_garbage_pkey PRIMARY KEY (store_key);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (account_id, region, arn, key);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (worker_id);
CREATE INDEX access_keys_of_account ON public.access_keys USING btree (account_id, created_at, access_key_id);
CREATE INDEX assets_by_name ON public.assets USING btree (revision_id, name, id);
CREATE INDEX data_sets_newest ON public.data_sets USING btree (account_id, region, created_at, id);
CREATE INDEX job_items_of_own_store ON public.job_items USING btree (source_key) WHERE (source_bucket IS NULL);
CREATE INDEX job_runs_of_worker ON public.job_runs USING btree (worker_id, enqueued_at, job_id);
CREATE INDEX jobs_in_progress ON public.jobs USING btree (account_id, region, type) WHERE (state = 'IN_PROGRESS'::text);
CREATE INDEX jobs_newest ON public.jobs USING btree (account_id, region, created_at, id);
CREATE INDEX jobs_of_data_set ON public.jobs USING btree (account_id, region, data_set_id, created_at, id);
CREATE INDEX revisions_newest ON public.revisions USING btree (data_set_id, created_at, id);
CREATE INDEX store_garbage_oldest ON public.store_garbage USING btree (recorded_at, store_key);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(account_id);
ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_revision_id_fkey FOREIGN KEY (revision_id) REFERENCES public.revisions(id);
ALTER TABLE ONLY public.job_items
    ADD CONSTRAINT job_items_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.job_revisions
    ADD CONSTRAINT job_revisions_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_data_set_id_fkey FOREIGN KEY (data_set_id) REFERENCES public.data_sets(id);
