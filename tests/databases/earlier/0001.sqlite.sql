BEGIN TRANSACTION;
CREATE TABLE access_keys (
	access_key_id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	encrypted_secret TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (access_key_id), 
	FOREIGN KEY(account_id) REFERENCES accounts (account_id)
);
CREATE TABLE accounts (
	account_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (account_id)
);
CREATE TABLE assets (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	data_set_id TEXT NOT NULL, 
	revision_id TEXT NOT NULL, 
	asset_type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	store_key TEXT NOT NULL, 
	store_etag TEXT NOT NULL, 
	checksum_algorithm TEXT, 
	checksum_value TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(revision_id) REFERENCES revisions (id)
);
INSERT INTO "assets" VALUES('02d2e853326a4bba69ec1a0e7860760e','123456789012','us-east-1','4c4169d7c14874f42ebc73990af45030','c2145579e09d95195597efbf8d2833bf','S3_SNAPSHOT','hello.txt',1796057847274,1796057847274,5,'assets/02/02d2e853326a4bba69ec1a0e7860760e','3377857006524257-5','CRC64NVME','M3eFcAZSQlc=');
CREATE TABLE data_sets (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	asset_type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "data_sets" VALUES('4c4169d7c14874f42ebc73990af45030','123456789012','us-east-1','S3_SNAPSHOT','Prices','Of an earlier version','OWNED',1796057837323,1796057837323);
CREATE TABLE entrepot_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT entrepot_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "entrepot_schema_version" VALUES('0001');
CREATE TABLE job_items (
	job_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	source_bucket TEXT, 
	source_key TEXT NOT NULL, 
	destination_bucket TEXT, 
	destination_key TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	source_etag TEXT, 
	source_checksum_algorithm TEXT, 
	source_checksum_value TEXT, 
	result_size_bytes BIGINT, 
	result_etag TEXT, 
	result_checksum_algorithm TEXT, 
	result_checksum_value TEXT, 
	checkpoint_json TEXT, 
	PRIMARY KEY (job_id, number), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "job_items" VALUES('a0065353871c680bcde179d0ae6259f5',0,'object','slow','object',NULL,'assets/2b/2b99e212b8e498103a4cc9877bd6ec21',110000,'05a1dc29ee3ebf54911ddca03637476c',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE job_revisions (
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	revision_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	job_id TEXT NOT NULL, 
	PRIMARY KEY (account_id, region, revision_id, created_at, job_id), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
)
 WITHOUT ROWID
;
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','52552d8481255986bacbcdc8019bb476',1796057847637,'a0065353871c680bcde179d0ae6259f5');
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','52552d8481255986bacbcdc8019bb476',1796057847670,'ce304a9d615951e748472561454ed2b0');
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','c2145579e09d95195597efbf8d2833bf',1796057837551,'4fb24883eef2c87c4c6187a95f034a55');
CREATE TABLE job_runs (
	job_id TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	worker_id TEXT, 
	enqueued_at BIGINT NOT NULL, 
	planned BOOLEAN NOT NULL, 
	items BIGINT NOT NULL, 
	items_done BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	bytes_done BIGINT NOT NULL, 
	PRIMARY KEY (job_id), 
	FOREIGN KEY(job_id) REFERENCES jobs (id)
);
INSERT INTO "job_runs" VALUES('a0065353871c680bcde179d0ae6259f5',1,'33332280-0',1796057847706,1,1,0,110000,0);
CREATE TABLE jobs (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	aws_partition TEXT NOT NULL, 
	type TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	data_set_id TEXT NOT NULL, 
	revision_ids TEXT NOT NULL, 
	details_json TEXT NOT NULL, 
	asset_configuration_json TEXT, 
	errors_json TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('4fb24883eef2c87c4c6187a95f034a55','123456789012','us-east-1','aws','IMPORT_ASSET_FROM_SIGNED_URL','COMPLETED',1,1796057837551,1796057847274,'4c4169d7c14874f42ebc73990af45030','c2145579e09d95195597efbf8d2833bf','{"ImportAssetFromSignedUrl":{"AssetName":"hello.txt","DataSetId":"4c4169d7c14874f42ebc73990af45030","Md5Hash":"XUFAKrxLKna5cZ2REBfFkg==","RevisionId":"c2145579e09d95195597efbf8d2833bf","SignedUrl":"http://127.0.0.1:43385/entrepot/objects/uploads/4f/4fb24883eef2c87c4c6187a95f034a55?expires=1796061437551&md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&signature=e17b84fdf2a02716229bc61976c8f09f01c0bc71a891dd5688422519ea2dae85","SignedUrlExpiresAt":"2026-11-30T17:57:17.551Z"}}',NULL,NULL);
INSERT INTO "jobs" VALUES('a0065353871c680bcde179d0ae6259f5','123456789012','us-east-1','aws','IMPORT_ASSETS_FROM_S3','IN_PROGRESS',1,1796057847637,1796057847706,'4c4169d7c14874f42ebc73990af45030','52552d8481255986bacbcdc8019bb476','{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"object"}],"DataSetId":"4c4169d7c14874f42ebc73990af45030","RevisionId":"52552d8481255986bacbcdc8019bb476"}}',NULL,NULL);
INSERT INTO "jobs" VALUES('ce304a9d615951e748472561454ed2b0','123456789012','us-east-1','aws','IMPORT_ASSETS_FROM_S3','WAITING',0,1796057847670,1796057847670,'4c4169d7c14874f42ebc73990af45030','52552d8481255986bacbcdc8019bb476','{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"waits"}],"DataSetId":"4c4169d7c14874f42ebc73990af45030","RevisionId":"52552d8481255986bacbcdc8019bb476"}}',NULL,NULL);
CREATE TABLE revisions (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	data_set_id TEXT NOT NULL, 
	comment TEXT, 
	finalized BOOLEAN NOT NULL, 
	revocation_comment TEXT, 
	revoked_at BIGINT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(data_set_id) REFERENCES data_sets (id)
);
INSERT INTO "revisions" VALUES('c2145579e09d95195597efbf8d2833bf','123456789012','us-east-1','4c4169d7c14874f42ebc73990af45030','final',1,NULL,NULL,1796057837415,1796057847542);
INSERT INTO "revisions" VALUES('52552d8481255986bacbcdc8019bb476','123456789012','us-east-1','4c4169d7c14874f42ebc73990af45030','open',0,NULL,NULL,1796057847610,1796057847610);
CREATE TABLE store_garbage (
	store_key TEXT NOT NULL, 
	recorded_at BIGINT NOT NULL, 
	PRIMARY KEY (store_key)
);
INSERT INTO "store_garbage" VALUES('uploads/4f/4fb24883eef2c87c4c6187a95f034a55',1796057847294);
CREATE TABLE tags (
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	arn TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (account_id, region, arn, "key")
)
 WITHOUT ROWID
;
INSERT INTO "tags" VALUES('123456789012','us-east-1','arn:aws:dataexchange:us-east-1:123456789012:data-sets/4c4169d7c14874f42ebc73990af45030','made','before');
CREATE TABLE workers (
	worker_id TEXT NOT NULL, 
	beat_at BIGINT NOT NULL, 
	PRIMARY KEY (worker_id)
);
INSERT INTO "workers" VALUES('33332280-0',1796057848129);
CREATE INDEX data_sets_newest ON data_sets (account_id, region, created_at, id);
CREATE INDEX revisions_newest ON revisions (data_set_id, created_at, id);
CREATE INDEX assets_by_name ON assets (revision_id, name, id);
CREATE INDEX store_garbage_oldest ON store_garbage (recorded_at, store_key);
CREATE INDEX jobs_newest ON jobs (account_id, region, created_at, id);
CREATE INDEX jobs_of_data_set ON jobs (account_id, region, data_set_id, created_at, id);
CREATE INDEX jobs_in_progress ON jobs (account_id, region, type) WHERE state = 'IN_PROGRESS';
CREATE INDEX job_items_of_own_store ON job_items (source_key) WHERE source_bucket IS NULL;
CREATE INDEX job_runs_of_worker ON job_runs (worker_id, enqueued_at, job_id);
CREATE INDEX access_keys_of_account ON access_keys (account_id, created_at, access_key_id);
COMMIT;
