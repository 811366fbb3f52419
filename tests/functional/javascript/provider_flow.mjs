// The provider's flow through the AWS SDK for JavaScript, unmodified. Reads its input as JSON from the first
// argument, writes what it saw as JSON to standard output; the Python test judges.
import {
  CreateDataSetCommand,
  CreateJobCommand,
  CreateRevisionCommand,
  DataExchangeClient,
  GetJobCommand,
  ListRevisionAssetsCommand,
  StartJobCommand,
  UpdateRevisionCommand,
} from "@aws-sdk/client-dataexchange";
import { createHash } from "node:crypto";

const input = JSON.parse(process.argv[2]);
const client = new DataExchangeClient({
  endpoint: input.endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: input.accessKeyId, secretAccessKey: input.secretAccessKey },
});

async function runJob(parameters, beforeStart = async () => {}) {
  const created = await client.send(new CreateJobCommand(parameters));
  await beforeStart(created);
  await client.send(new StartJobCommand({ JobId: created.Id }));
  for (;;) {
    const job = await client.send(new GetJobCommand({ JobId: created.Id }));
    if (job.State !== "WAITING" && job.State !== "IN_PROGRESS") {
      delete job.$metadata;
      return job;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const dataSet = await client.send(
  new CreateDataSetCommand({ AssetType: "S3_SNAPSHOT", Name: "JavaScript", Description: "From an SDK", Tags: { team: "js" } }),
);
const revision = await client.send(new CreateRevisionCommand({ DataSetId: dataSet.Id }));
const place = { DataSetId: dataSet.Id, RevisionId: revision.Id };

const imported = await runJob({
  Type: "IMPORT_ASSETS_FROM_S3",
  Details: { ImportAssetsFromS3: { AssetSources: [{ Bucket: input.source, Key: input.key }], ...place } },
});

const body = Buffer.from("bytes by signed URL");
const md5 = createHash("md5").update(body).digest("base64");
const uploaded = await runJob(
  { Type: "IMPORT_ASSET_FROM_SIGNED_URL", Details: { ImportAssetFromSignedUrl: { AssetName: "by/url.txt", Md5Hash: md5, ...place } } },
  async (created) => {
    const answer = await fetch(created.Details.ImportAssetFromSignedUrl.SignedUrl, {
      method: "PUT",
      body,
      headers: { "Content-MD5": md5 },
    });
    if (!answer.ok) throw new Error(`PUT answered ${answer.status}: ${await answer.text()}`);
  },
);

const finalized = await client.send(new UpdateRevisionCommand({ ...place, Finalized: true }));
const exported = await runJob({
  Type: "EXPORT_REVISIONS_TO_S3",
  Details: {
    ExportRevisionsToS3: {
      DataSetId: dataSet.Id,
      RevisionDestinations: [{ RevisionId: revision.Id, Bucket: input.destination, KeyPattern: "javascript/${Asset.Name}" }],
    },
  },
});

const assets = await client.send(new ListRevisionAssetsCommand(place));
const asset = assets.Assets.find((entry) => entry.Name === "by/url.txt");
const link = await runJob({ Type: "EXPORT_ASSET_TO_SIGNED_URL", Details: { ExportAssetToSignedUrl: { AssetId: asset.Id, ...place } } });
const download = await fetch(link.Details.ExportAssetToSignedUrl.SignedUrl);

let refused;
try {
  await client.send(new GetJobCommand({ JobId: "0".repeat(32) }));
} catch (error) {
  refused = { name: error.name, status: error.$metadata.httpStatusCode, resourceId: error.ResourceId, resourceType: error.ResourceType };
}

console.log(
  JSON.stringify({
    dataSet: { arn: dataSet.Arn, tags: dataSet.Tags, createdAtIsDate: dataSet.CreatedAt instanceof Date },
    states: [imported.State, uploaded.State, exported.State, link.State],
    finalized: finalized.Finalized,
    names: assets.Assets.map((entry) => entry.Name),
    sizes: assets.Assets.map((entry) => entry.AssetDetails.S3SnapshotAsset.Size),
    download: await download.text(),
    refused,
  }),
);
