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
    checksum_value text COLLATE pg_catalog."C",
    details_json text COLLATE pg_catalog."C"
);
CREATE TABLE public.bucket_permissions (
    account_id text NOT NULL COLLATE pg_catalog."C",
    bucket text NOT NULL COLLATE pg_catalog."C",
    prefix text NOT NULL COLLATE pg_catalog."C",
    may_read boolean NOT NULL,
    may_write boolean NOT NULL,
    endpoint_url text COLLATE pg_catalog."C",
    bucket_region text COLLATE pg_catalog."C",
    encrypted_credentials text COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.data_grants (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    aws_partition text NOT NULL COLLATE pg_catalog."C",
    receiver_id text NOT NULL COLLATE pg_catalog."C",
    source_data_set_id text NOT NULL COLLATE pg_catalog."C",
    data_set_id text NOT NULL COLLATE pg_catalog."C",
    id_mask text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    description text COLLATE pg_catalog."C",
    distribution_scope text NOT NULL COLLATE pg_catalog."C",
    asset_type text NOT NULL COLLATE pg_catalog."C",
    data_set_name text NOT NULL COLLATE pg_catalog."C",
    data_set_description text NOT NULL COLLATE pg_catalog."C",
    ends_at bigint,
    accepted_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
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
CREATE TABLE public.datashares (
    arn text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    encrypted_database_url text NOT NULL COLLATE pg_catalog."C",
    endpoint text COLLATE pg_catalog."C",
    schema_name text NOT NULL COLLATE pg_catalog."C",
    tables_json text COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.entrepot_schema_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.event_actions (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    aws_partition text NOT NULL COLLATE pg_catalog."C",
    data_set_id text NOT NULL COLLATE pg_catalog."C",
    action_json text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE TABLE public.event_deliveries (
    sequence bigint NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    attempts integer NOT NULL,
    next_try_at bigint NOT NULL,
    error text COLLATE pg_catalog."C",
    updated_at bigint NOT NULL
);
CREATE TABLE public.events (
    sequence bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    detail_type text NOT NULL COLLATE pg_catalog."C",
    resources_json text NOT NULL COLLATE pg_catalog."C",
    detail_json text NOT NULL COLLATE pg_catalog."C",
    dispatched boolean NOT NULL
);
CREATE SEQUENCE public.events_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_sequence_seq OWNED BY public.events.sequence;
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
    errors_json text COLLATE pg_catalog."C",
    event_action_id text COLLATE pg_catalog."C"
);
CREATE TABLE public.notifications (
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    client_token text NOT NULL COLLATE pg_catalog."C",
    request_digest text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.outside_access (
    grant_id text NOT NULL COLLATE pg_catalog."C",
    asset_id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    region text NOT NULL COLLATE pg_catalog."C",
    aws_partition text NOT NULL COLLATE pg_catalog."C",
    receiver_id text NOT NULL COLLATE pg_catalog."C",
    entitled_data_set_id text NOT NULL COLLATE pg_catalog."C",
    entitled_asset_id text NOT NULL COLLATE pg_catalog."C",
    asset_type text NOT NULL COLLATE pg_catalog."C",
    details_json text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL COLLATE pg_catalog."C",
    given_json text COLLATE pg_catalog."C",
    attempts integer NOT NULL,
    next_try_at bigint NOT NULL,
    error text COLLATE pg_catalog."C",
    updated_at bigint NOT NULL
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
    updated_at bigint NOT NULL,
    finalized_at bigint
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
CREATE TABLE public.webhooks (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id text NOT NULL COLLATE pg_catalog."C",
    url text NOT NULL COLLATE pg_catalog."C",
    encrypted_secret text NOT NULL COLLATE pg_catalog."C",
    detail_types_json text COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.workers (
    worker_id text NOT NULL COLLATE pg_catalog."C",
    beat_at bigint NOT NULL
);
ALTER TABLE ONLY public.events ALTER COLUMN sequence SET DEFAULT nextval('public.events_sequence_seq'::regclass);
INSERT INTO public.assets VALUES ('a8e7ce995f707fda011d173bd54840ad', '123456789012', 'us-east-1', 'ec189b8c02069474b2777d9fa537e98b', 'b2afde6978645c01cb2871a9d0e43d59', 'S3_SNAPSHOT', 'hello.txt', 1796057825231, 1796057825231, 5, 'assets/a7/a7cac9077c27caf4c4e958bb89c5f5ce', '3377857006524257-5', 'CRC64NVME', 'M3eFcAZSQlc=', NULL);
INSERT INTO public.data_sets VALUES ('ec189b8c02069474b2777d9fa537e98b', '123456789012', 'us-east-1', 'S3_SNAPSHOT', 'Prices', 'Of an earlier version', 'OWNED', 1796057811387, 1796057811387);
INSERT INTO public.entrepot_schema_version VALUES ('0002');
INSERT INTO public.job_items VALUES ('e6f48c3e752afe833213f8085e6c7d3a', 0, 'object', 'slow', 'object', NULL, 'assets/85/851148b5375c75aca3066e75b5a66d67', 110000, '05a1dc29ee3ebf54911ddca03637476c', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', 'b2afde6978645c01cb2871a9d0e43d59', 1796057811694, 'e830c659ea6c982efea5e0d4a393df9e');
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', 'c51483ef2e47382dbd1c4772cd97783d', 1796057825619, 'e6f48c3e752afe833213f8085e6c7d3a');
INSERT INTO public.job_revisions VALUES ('123456789012', 'us-east-1', 'c51483ef2e47382dbd1c4772cd97783d', 1796057825658, 'bb99a4b1c1c73c192fc49f854e73f3f5');
INSERT INTO public.job_runs VALUES ('e6f48c3e752afe833213f8085e6c7d3a', 1, 'b926bf48-0', 1796057825701, true, 1, 0, 110000, 0);
INSERT INTO public.jobs VALUES ('e830c659ea6c982efea5e0d4a393df9e', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSET_FROM_SIGNED_URL', 'COMPLETED', 1, 1796057811694, 1796057825246, 'ec189b8c02069474b2777d9fa537e98b', 'b2afde6978645c01cb2871a9d0e43d59', '{"ImportAssetFromSignedUrl":{"AssetName":"hello.txt","DataSetId":"ec189b8c02069474b2777d9fa537e98b","Md5Hash":"XUFAKrxLKna5cZ2REBfFkg==","RevisionId":"b2afde6978645c01cb2871a9d0e43d59","SignedUrl":"http://127.0.0.1:34269/entrepot/objects/uploads/e8/e830c659ea6c982efea5e0d4a393df9e?expires=1796061411694&md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&signature=4f508131fb2ff046e20769c37dd314acfae8fe6291e9cea22e9c8caaf74a665b","SignedUrlExpiresAt":"2026-11-30T17:56:51.694Z"}}', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('bb99a4b1c1c73c192fc49f854e73f3f5', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSETS_FROM_S3', 'WAITING', 0, 1796057825658, 1796057825658, 'ec189b8c02069474b2777d9fa537e98b', 'c51483ef2e47382dbd1c4772cd97783d', '{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"waits"}],"DataSetId":"ec189b8c02069474b2777d9fa537e98b","RevisionId":"c51483ef2e47382dbd1c4772cd97783d"}}', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('e6f48c3e752afe833213f8085e6c7d3a', '123456789012', 'us-east-1', 'aws', 'IMPORT_ASSETS_FROM_S3', 'IN_PROGRESS', 1, 1796057825619, 1796057825701, 'ec189b8c02069474b2777d9fa537e98b', 'c51483ef2e47382dbd1c4772cd97783d', '{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"object"}],"DataSetId":"ec189b8c02069474b2777d9fa537e98b","RevisionId":"c51483ef2e47382dbd1c4772cd97783d"}}', NULL, NULL, NULL);
INSERT INTO public.revisions VALUES ('b2afde6978645c01cb2871a9d0e43d59', '123456789012', 'us-east-1', 'ec189b8c02069474b2777d9fa537e98b', 'final', true, NULL, NULL, 1796057811578, 1796057825509, 1796057825509);
INSERT INTO public.revisions VALUES ('c51483ef2e47382dbd1c4772cd97783d', '123456789012', 'us-east-1', 'ec189b8c02069474b2777d9fa537e98b', 'open', false, NULL, NULL, 1796057825594, 1796057825594, NULL);
INSERT INTO public.store_garbage VALUES ('uploads/e8/e830c659ea6c982efea5e0d4a393df9e', 1796057825346);
INSERT INTO public.tags VALUES ('123456789012', 'us-east-1', 'arn:aws:dataexchange:us-east-1:123456789012:data-sets/ec189b8c02069474b2777d9fa537e98b', 'made', 'before');
INSERT INTO public.workers VALUES ('b926bf48-0', 1796057826305);
SELECT pg_catalog.setval('public.events_sequence_seq', 1, false);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_pkey PRIMARY KEY (access_key_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.bucket_permissions
    ADD CONSTRAINT bucket_permissions_pkey PRIMARY KEY (account_id, bucket, prefix);
ALTER TABLE ONLY public.data_grants
    ADD CONSTRAINT data_grants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.data_sets
    ADD CONSTRAINT data_sets_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.datashares
    ADD CONSTRAINT datashares_pkey PRIMARY KEY (arn);
ALTER TABLE ONLY public.entrepot_schema_version
    ADD CONSTRAINT entrepot_schema_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.event_actions
    ADD CONSTRAINT event_actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_pkey PRIMARY KEY (sequence, target);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY public.job_items
    ADD CONSTRAINT job_items_pkey PRIMARY KEY (job_id, number);
ALTER TABLE ONLY public.job_revisions
    ADD CONSTRAINT job_revisions_pkey PRIMARY KEY (account_id, region, revision_id, created_at, job_id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (account_id, region, client_token);
ALTER TABLE ONLY public.outside_access
    ADD CONSTRAINT outside_access_pkey PRIMARY KEY (grant_id, asset_id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.store_garbage
    ADD CONSTRAINT store_garbage_pkey PRIMARY KEY (store_key);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (account_id, region, arn, key);
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (worker_id);
CREATE INDEX access_keys_of_account ON public.access_keys USING btree (account_id, created_at, access_key_id);
CREATE INDEX assets_alive ON public.assets USING btree (data_set_id, revision_id, id) WHERE (details_json IS NOT NULL);
CREATE INDEX assets_by_name ON public.assets USING btree (revision_id, name, id);
CREATE UNIQUE INDEX data_grants_of_data_set ON public.data_grants USING btree (data_set_id);
CREATE INDEX data_grants_of_source ON public.data_grants USING btree (source_data_set_id, id);
CREATE INDEX data_grants_received ON public.data_grants USING btree (receiver_id, region, created_at, id);
CREATE INDEX data_grants_sent ON public.data_grants USING btree (account_id, region, created_at, id);
CREATE INDEX data_sets_newest ON public.data_sets USING btree (account_id, region, created_at, id);
CREATE INDEX datashares_of_account ON public.datashares USING btree (account_id, region, name);
CREATE INDEX event_actions_newest ON public.event_actions USING btree (account_id, region, created_at, id);
CREATE INDEX event_actions_of_data_set ON public.event_actions USING btree (account_id, region, data_set_id, created_at, id);
CREATE INDEX event_deliveries_due ON public.event_deliveries USING btree (next_try_at, sequence) WHERE (state = 'PENDING'::text);
CREATE INDEX event_deliveries_of_target ON public.event_deliveries USING btree (target, state, sequence);
CREATE INDEX events_of_account ON public.events USING btree (account_id, region, sequence);
CREATE INDEX events_oldest ON public.events USING btree (at);
CREATE INDEX events_to_dispatch ON public.events USING btree (sequence) WHERE (NOT dispatched);
CREATE INDEX job_items_of_own_store ON public.job_items USING btree (source_key) WHERE (source_bucket IS NULL);
CREATE INDEX job_runs_of_worker ON public.job_runs USING btree (worker_id, enqueued_at, job_id);
CREATE INDEX jobs_in_progress ON public.jobs USING btree (account_id, region, type) WHERE (state = 'IN_PROGRESS'::text);
CREATE INDEX jobs_newest ON public.jobs USING btree (account_id, region, created_at, id);
CREATE INDEX jobs_of_data_set ON public.jobs USING btree (account_id, region, data_set_id, created_at, id);
CREATE INDEX notifications_oldest ON public.notifications USING btree (created_at);
CREATE INDEX outside_access_of_receiver ON public.outside_access USING btree (receiver_id, region, entitled_asset_id);
CREATE INDEX revisions_newest ON public.revisions USING btree (data_set_id, created_at, id);
CREATE INDEX revisions_published ON public.revisions USING btree (data_set_id, finalized_at, id) WHERE (finalized_at IS NOT NULL);
CREATE INDEX store_garbage_oldest ON public.store_garbage USING btree (recorded_at, store_key);
CREATE INDEX webhooks_of_account ON public.webhooks USING btree (account_id, created_at, id);
ALTER TABLE ONLY public.access_keys
    ADD CONSTRAINT access_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(account_id);
ALTER TABLE ONLY public.assets
    ADD CONSTRAINT assets_revision_id_fkey FOREIGN KEY (revision_id) REFERENCES public.revisions(id);
ALTER TABLE ONLY public.event_deliveries
    ADD CONSTRAINT event_deliveries_sequence_fkey FOREIGN KEY (sequence) REFERENCES public.events(sequence);
ALTER TABLE ONLY public.job_items
    ADD CONSTRAINT job_items_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_data_set_id_fkey FOREIGN KEY (data_set_id) REFERENCES public.data_sets(id);
