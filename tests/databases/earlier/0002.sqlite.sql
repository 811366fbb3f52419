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
	checksum_value TEXT, details_json TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(revision_id) REFERENCES revisions (id)
);
INSERT INTO "assets" VALUES('ee125da6749d803ac0316473d79ef118','123456789012','us-east-1','181f4fec708ca871bf4d56e72d713731','3dfd9679b06a0a59881207f64c2f1e32','S3_SNAPSHOT','hello.txt',1796057798319,1796057798319,5,'assets/54/540eddb8f25ad82d1733cd8f37bfe919','3377857006524257-5','CRC64NVME','M3eFcAZSQlc=',NULL);
CREATE TABLE bucket_permissions (
	account_id TEXT NOT NULL, 
	bucket TEXT NOT NULL, 
	prefix TEXT NOT NULL, 
	may_read BOOLEAN NOT NULL, 
	may_write BOOLEAN NOT NULL, 
	endpoint_url TEXT, 
	bucket_region TEXT, 
	encrypted_credentials TEXT, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (account_id, bucket, prefix)
);
CREATE TABLE data_grants (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	aws_partition TEXT NOT NULL, 
	receiver_id TEXT NOT NULL, 
	source_data_set_id TEXT NOT NULL, 
	data_set_id TEXT NOT NULL, 
	id_mask TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	distribution_scope TEXT NOT NULL, 
	asset_type TEXT NOT NULL, 
	data_set_name TEXT NOT NULL, 
	data_set_description TEXT NOT NULL, 
	ends_at BIGINT, 
	accepted_at BIGINT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
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
INSERT INTO "data_sets" VALUES('181f4fec708ca871bf4d56e72d713731','123456789012','us-east-1','S3_SNAPSHOT','Prices','Of an earlier version','OWNED',1796057787419,1796057787419);
CREATE TABLE datashares (
	arn TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	name TEXT NOT NULL, 
	encrypted_database_url TEXT NOT NULL, 
	endpoint TEXT, 
	schema_name TEXT NOT NULL, 
	tables_json TEXT, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (arn)
);
CREATE TABLE entrepot_schema_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT entrepot_schema_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "entrepot_schema_version" VALUES('0002');
CREATE TABLE event_actions (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	aws_partition TEXT NOT NULL, 
	data_set_id TEXT NOT NULL, 
	action_json TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE event_deliveries (
	sequence BIGINT NOT NULL, 
	target TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_try_at BIGINT NOT NULL, 
	error TEXT, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (sequence, target), 
	FOREIGN KEY(sequence) REFERENCES events (sequence)
);
CREATE TABLE events (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	detail_type TEXT NOT NULL, 
	resources_json TEXT NOT NULL, 
	detail_json TEXT NOT NULL, 
	dispatched BOOLEAN NOT NULL
);
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
INSERT INTO "job_items" VALUES('2b2d1a6c431ea5531a0250af80b130ac',0,'object','slow','object',NULL,'assets/c1/c180b53495f0e4b68101d7c285514ba1',110000,'05a1dc29ee3ebf54911ddca03637476c',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE job_revisions (
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	revision_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	job_id TEXT NOT NULL, 
	PRIMARY KEY (account_id, region, revision_id, created_at, job_id)
)
 WITHOUT ROWID
;
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','12ffc737e3d8f73829e87c3557a71d5b',1796057798590,'2b2d1a6c431ea5531a0250af80b130ac');
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','12ffc737e3d8f73829e87c3557a71d5b',1796057798596,'12b102573fd1693892abf227d59edf03');
INSERT INTO "job_revisions" VALUES('123456789012','us-east-1','3dfd9679b06a0a59881207f64c2f1e32',1796057787572,'294b65fae35015dd9d91a3b01505f483');
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
INSERT INTO "job_runs" VALUES('2b2d1a6c431ea5531a0250af80b130ac',1,'ab4a7d0e-0',1796057798618,1,1,0,110000,0);
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
	errors_json TEXT, event_action_id TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "jobs" VALUES('294b65fae35015dd9d91a3b01505f483','123456789012','us-east-1','aws','IMPORT_ASSET_FROM_SIGNED_URL','COMPLETED',1,1796057787572,1796057798319,'181f4fec708ca871bf4d56e72d713731','3dfd9679b06a0a59881207f64c2f1e32','{"ImportAssetFromSignedUrl":{"AssetName":"hello.txt","DataSetId":"181f4fec708ca871bf4d56e72d713731","Md5Hash":"XUFAKrxLKna5cZ2REBfFkg==","RevisionId":"3dfd9679b06a0a59881207f64c2f1e32","SignedUrl":"http://127.0.0.1:38001/entrepot/objects/uploads/29/294b65fae35015dd9d91a3b01505f483?expires=1796061387572&md5=XUFAKrxLKna5cZ2REBfFkg%3D%3D&signature=90b4c1e5150a92fc81a0c5d62a06f38c48535d6abe163d002086316b7ee7e210","SignedUrlExpiresAt":"2026-11-30T17:56:27.572Z"}}',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('2b2d1a6c431ea5531a0250af80b130ac','123456789012','us-east-1','aws','IMPORT_ASSETS_FROM_S3','IN_PROGRESS',1,1796057798590,1796057798618,'181f4fec708ca871bf4d56e72d713731','12ffc737e3d8f73829e87c3557a71d5b','{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"object"}],"DataSetId":"181f4fec708ca871bf4d56e72d713731","RevisionId":"12ffc737e3d8f73829e87c3557a71d5b"}}',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('12b102573fd1693892abf227d59edf03','123456789012','us-east-1','aws','IMPORT_ASSETS_FROM_S3','WAITING',0,1796057798596,1796057798596,'181f4fec708ca871bf4d56e72d713731','12ffc737e3d8f73829e87c3557a71d5b','{"ImportAssetsFromS3":{"AssetSources":[{"Bucket":"slow","Key":"waits"}],"DataSetId":"181f4fec708ca871bf4d56e72d713731","RevisionId":"12ffc737e3d8f73829e87c3557a71d5b"}}',NULL,NULL,NULL);
CREATE TABLE notifications (
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	client_token TEXT NOT NULL, 
	request_digest TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (account_id, region, client_token)
)
 WITHOUT ROWID
;
CREATE TABLE outside_access (
	grant_id TEXT NOT NULL, 
	asset_id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	region TEXT NOT NULL, 
	aws_partition TEXT NOT NULL, 
	receiver_id TEXT NOT NULL, 
	entitled_data_set_id TEXT NOT NULL, 
	entitled_asset_id TEXT NOT NULL, 
	asset_type TEXT NOT NULL, 
	details_json TEXT NOT NULL, 
	state TEXT NOT NULL, 
	given_json TEXT, 
	attempts INTEGER NOT NULL, 
	next_try_at BIGINT NOT NULL, 
	error TEXT, 
	updated_at BIGINT NOT NULL, 
	PRIMARY KEY (grant_id, asset_id)
);
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
	updated_at BIGINT NOT NULL, finalized_at BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(data_set_id) REFERENCES data_sets (id)
);
INSERT INTO "revisions" VALUES('3dfd9679b06a0a59881207f64c2f1e32','123456789012','us-east-1','181f4fec708ca871bf4d56e72d713731','final',1,NULL,NULL,1796057787470,1796057798488,1796057798488);
INSERT INTO "revisions" VALUES('12ffc737e3d8f73829e87c3557a71d5b','123456789012','us-east-1','181f4fec708ca871bf4d56e72d713731','open',0,NULL,NULL,1796057798580,1796057798580,NULL);
CREATE TABLE store_garbage (
	store_key TEXT NOT NULL, 
	recorded_at BIGINT NOT NULL, 
	PRIMARY KEY (store_key)
);
INSERT INTO "store_garbage" VALUES('uploads/29/294b65fae35015dd9d91a3b01505f483',1796057798356);
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
INSERT INTO "tags" VALUES('123456789012','us-east-1','arn:aws:dataexchange:us-east-1:123456789012:data-sets/181f4fec708ca871bf4d56e72d713731','made','before');
CREATE TABLE webhooks (
	id TEXT NOT NULL, 
	account_id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	encrypted_secret TEXT NOT NULL, 
	detail_types_json TEXT, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE workers (
	worker_id TEXT NOT NULL, 
	beat_at BIGINT NOT NULL, 
	PRIMARY KEY (worker_id)
);
INSERT INTO "workers" VALUES('ab4a7d0e-0',1796057799033);
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
CREATE INDEX revisions_published ON revisions (data_set_id, finalized_at, id) WHERE finalized_at IS NOT NULL;
CREATE INDEX assets_alive ON assets (data_set_id, revision_id, id) WHERE details_json IS NOT NULL;
CREATE UNIQUE INDEX data_grants_of_data_set ON data_grants (data_set_id);
CREATE INDEX data_grants_of_source ON data_grants (source_data_set_id, id);
CREATE INDEX data_grants_received ON data_grants (receiver_id, region, created_at, id);
CREATE INDEX data_grants_sent ON data_grants (account_id, region, created_at, id);
CREATE INDEX event_actions_newest ON event_actions (account_id, region, created_at, id);
CREATE INDEX event_actions_of_data_set ON event_actions (account_id, region, data_set_id, created_at, id);
CREATE INDEX outside_access_of_receiver ON outside_access (receiver_id, region, entitled_asset_id);
CREATE INDEX notifications_oldest ON notifications (created_at);
CREATE INDEX datashares_of_account ON datashares (account_id, region, name);
CREATE INDEX events_of_account ON events (account_id, region, sequence);
CREATE INDEX events_oldest ON events (at);
CREATE INDEX events_to_dispatch ON events (sequence) WHERE NOT dispatched;
CREATE INDEX webhooks_of_account ON webhooks (account_id, created_at, id);
CREATE INDEX event_deliveries_due ON event_deliveries (next_try_at, sequence) WHERE state = 'PENDING';
CREATE INDEX event_deliveries_of_target ON event_deliveries (target, state, sequence);
DELETE FROM "sqlite_sequence";
COMMIT;
