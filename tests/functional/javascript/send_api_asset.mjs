// SendApiAsset through the AWS SDK for JavaScript, unmodified. Reads its input as JSON from the first argument,
// writes what it got as JSON to standard output; the Python test judges.
import { DataExchangeClient, SendApiAssetCommand } from "@aws-sdk/client-dataexchange";

const input = JSON.parse(process.argv[2]);
const client = new DataExchangeClient({
  endpoint: input.endpoint,
  region: "us-east-1",
  disableHostPrefix: true,
  credentials: { accessKeyId: input.accessKeyId, secretAccessKey: input.secretAccessKey },
});
const answer = await client.send(new SendApiAssetCommand(input.call));
process.stdout.write(JSON.stringify({ body: answer.Body, headers: answer.ResponseHeaders }));
