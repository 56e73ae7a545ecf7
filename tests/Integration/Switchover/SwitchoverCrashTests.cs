using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>A server that crashes in the middle and comes up again: one database is in charge, and the next run succeeds.</summary>
public sealed class SwitchoverCrashTests(PublishingServers servers) : IClassFixture<PublishingServers>
{
    private const string Schema = "CREATE TABLE customer (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, parent integer REFERENCES customer)";

    private const string Rows = "INSERT INTO customer (name) SELECT 'c' || g FROM generate_series(1, 1000) g";

    private const string Write = "INSERT INTO customer (name, parent) VALUES ('after', 1)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Both servers at every step of both engines: two minutes, for who changes a step.</summary>
    [Fact(Explicit = true)]
    public async Task SW_20_a_server_that_crashes_at_any_step_leaves_one_database_in_charge()
    {
        foreach (var (engine, step) in SwitchoverKilledTests.Steps.Select(s => s.Data))
        {
            foreach (var source in new[] { true, false })
            {
                TestContext.Current.TestOutputHelper!.WriteLine($"{engine} {step} {(source ? "source" : "target")}");
                await A_server_that_crashes_at_a_step_leaves_one_database_in_charge_and_the_next_run_succeeds(engine, step, source);
            }
        }
    }

    [Theory]
    [InlineData(SwitchoverEngine.Logical, "copy", true)]
    [InlineData(SwitchoverEngine.Logical, "copy", false)]
    [InlineData(SwitchoverEngine.Logical, "drain", true)]
    [InlineData(SwitchoverEngine.Logical, "drain", false)]
    [InlineData(SwitchoverEngine.Logical, "flip", true)]
    [InlineData(SwitchoverEngine.Logical, "flip", false)]
    [InlineData(SwitchoverEngine.Logical, "back", true)]
    [InlineData(SwitchoverEngine.Logical, "back", false)]
    [InlineData(SwitchoverEngine.Changelog, "copy", false)]
    [InlineData(SwitchoverEngine.Changelog, "drain", true)]
    [InlineData(SwitchoverEngine.Changelog, "drain", false)]
    public async Task A_server_that_crashes_at_a_step_leaves_one_database_in_charge_and_the_next_run_succeeds(
        SwitchoverEngine engine, string step, bool source)
    {
        await using var move = await Move.CreateAsync(servers, engine, Schema, Rows);
        OperationReport report;
        await using (var switchover = move.Open())
        {
            await switchover.DefineAsync(move.Options, Token);
            var crash = new CrashAt(step, source ? servers.Source : servers.Target);
            report = await switchover.RunAsync(await switchover.PlanAsync(null, rollback: false, Token), null, "test", "test@here", crash, null, Token);
            await crash.Crashed;
        }

        await using var again = move.Open();
        SwitchoverStatus status = await again.GetStatusAsync(Token);
        bool flipped = status.SourcePointer == SwitchoverPointer.UseNextDb;
        Assert.Equal(flipped ? move.TargetAddress : move.SourceAddress, report.NewPrimary);
        Assert.Equal(flipped ? move.TargetAddress : move.SourceAddress, status.InCharge);
        await TwoDatabases.ExecuteAsync(flipped ? move.Target : move.Source, Write);
        if (flipped)
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => TwoDatabases.ExecuteAsync(move.Source, Write));
            Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
        }

        OperationReport next = await again.RunAsync(await again.PlanAsync(null, rollback: flipped, Token), null, "test", "test@here", null, null, Token);
        Assert.True(next.Outcome == OperationOutcome.Succeeded, next.Error);
        await move.AssertEqualAsync();
    }

    /// <summary>Crashes a server when a step begins.</summary>
    private sealed class CrashAt(string name, PostgresInstance server) : IOperationObserver
    {
        public Task Crashed { get; private set; } = Task.CompletedTask;

        public void StepStarting(PlanStep step, StepPhase phase)
        {
            if (step.Name == name && phase == StepPhase.Run && Crashed == Task.CompletedTask)
            {
                Crashed = Task.Run(server.CrashAsync);
            }
        }

        public void StepFinished(StepReport step)
        {
        }
    }
}
