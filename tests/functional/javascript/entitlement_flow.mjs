// A data set goes from one account to another through the AWS SDK for JavaScript, unmodified. Reads its input as
// JSON from the first argument, writes what it saw as JSON to standard output; the Python test judges.
import {
  AcceptDataGrantCommand,
  CreateDataGrantCommand,
  CreateJobCommand,
  DataExchangeClient,
  DeleteDataGrantCommand,
  GetDataGrantCommand,
  GetDataSetCommand,
  GetJobCommand,
  GetReceivedDataGrantCommand,
  paginateListDataSetRevisions,
  paginateListDataSets,
  paginateListReceivedDataGrants,
  paginateListRevisionAssets,
  StartJobCommand,
  UpdateDataSetCommand,
} from "@aws-sdk/client-dataexchange";

const input = JSON.parse(process.argv[2]);
const clientOf = (keys) =>
  new DataExchangeClient({ endpoint: input.endpoint, region: "us-east-1", credentials: keys });
const provider = clientOf(input.provider);
const receiver = clientOf(input.receiver);

async function all(paginate, client, parameters, member) {
  const entries = [];
  for await (const page of paginate({ client, pageSize: 1 }, parameters)) entries.push(...page[member]);
  return entries;
}

async function refusal(command) {
  try {
    await receiver.send(command);
    return null;
  } catch (error) {
    return { name: error.name, status: error.$metadata.httpStatusCode };
  }
}

const grant = await provider.send(
  new CreateDataGrantCommand({
    Name: "JavaScript",
    GrantDistributionScope: "NONE",
    ReceiverPrincipal: input.receiverId,
    SourceDataSetId: input.dataSetId,
    EndsAt: new Date(Date.now() + 3_600_000),
  }),
);
const before = await refusal(new GetDataSetCommand({ DataSetId: grant.DataSetId }));
const pending = await all(
  paginateListReceivedDataGrants,
  receiver,
  { AcceptanceState: ["PENDING_RECEIVER_ACCEPTANCE"] },
  "DataGrantSummaries",
);
const accepted = await receiver.send(new AcceptDataGrantCommand({ DataGrantArn: grant.Arn }));
const received = await receiver.send(new GetReceivedDataGrantCommand({ DataGrantArn: grant.Arn }));
const sent = await provider.send(new GetDataGrantCommand({ DataGrantId: grant.Id }));

const dataSets = await all(paginateListDataSets, receiver, { Origin: "ENTITLED" }, "DataSets");
const dataSet = dataSets.find((entry) => entry.Id === grant.DataSetId);
const revisions = await all(paginateListDataSetRevisions, receiver, { DataSetId: dataSet.Id }, "Revisions");
const place = { DataSetId: dataSet.Id, RevisionId: revisions[0].Id };
const assets = await all(paginateListRevisionAssets, receiver, place, "Assets");
const denied = await refusal(new UpdateDataSetCommand({ DataSetId: dataSet.Id, Name: "mine" }));

const created = await receiver.send(
  new CreateJobCommand({
    Type: "EXPORT_ASSET_TO_SIGNED_URL",
    Details: { ExportAssetToSignedUrl: { AssetId: assets[0].Id, ...place } },
  }),
);
await receiver.send(new StartJobCommand({ JobId: created.Id }));
let job;
do {
  await new Promise((resolve) => setTimeout(resolve, 50));
  job = await receiver.send(new GetJobCommand({ JobId: created.Id }));
} while (job.State === "WAITING" || job.State === "IN_PROGRESS");
const download = await fetch(job.Details.ExportAssetToSignedUrl.SignedUrl);

await provider.send(new DeleteDataGrantCommand({ DataGrantId: grant.Arn }));
const after = await refusal(new GetDataSetCommand({ DataSetId: grant.DataSetId }));

console.log(
  JSON.stringify({
    before,
    pending: pending.map((entry) => entry.Id),
    grantId: grant.Id,
    acceptance: [accepted.AcceptanceState, received.AcceptanceState, sent.AcceptanceState],
    endsAtIsDate: received.EndsAt instanceof Date,
    sourceToReceiver: "SourceDataSetId" in received,
    source: sent.SourceDataSetId,
    arn: dataSet.Arn,
    dataSetId: dataSet.Id,
    revisions: revisions.length,
    names: assets.map((entry) => entry.Name),
    denied,
    state: job.State,
    download: await download.text(),
    after,
  }),
);
