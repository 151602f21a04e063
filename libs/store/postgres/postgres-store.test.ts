import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { describeStoreContract } from "#testing/store-contract.testsuite.ts";

describeStoreContract(() => openPostgresHarness());
