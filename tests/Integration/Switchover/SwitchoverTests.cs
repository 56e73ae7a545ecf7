using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Whole runs, from the definition to the completion, between two servers.</summary>
public sealed class SwitchoverTests(PublishingServers servers, ITestOutputHelper output) : IClassFixture<PublishingServers>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SwitchoverEngine.Logical)]
    [InlineData(SwitchoverEngine.Changelog)]
    public Task SW_15_SW_17_SW_18_An_application_moves_under_load_and_comes_back_with_every_row_and_sequence(SwitchoverEngine engine) =>
        MoveAndComeBackAsync(servers, engine);

    [Theory]
    [InlineData(13, 15, SwitchoverEngine.Logical)]
    [InlineData(13, 15, SwitchoverEngine.Changelog)]
    [InlineData(15, 17, SwitchoverEngine.Logical)]
    [InlineData(15, 18, SwitchoverEngine.Logical)]
    [InlineData(15, 18, SwitchoverEngine.Changelog)]
    public async Task SW_15_An_application_moves_to_another_major_version_and_back(int from, int to, SwitchoverEngine engine)
    {
        await using PublishingServers others = await PublishingServers.StartAsync(from, to);
        await MoveAndComeBackAsync(others, engine);
    }

    private async Task MoveAndComeBackAsync(PublishingServers between, SwitchoverEngine engine)
    {
        await using var move = await Move.CreateAsync(between, engine, NastySchema.Schema, NastySchema.Rows);
        await using var switchover = move.Open();
        await switchover.DefineAsync(move.Options, Token);
        await using var load = new SwitchoverLoad(move.Source, other: move.Target);
        await CommittedAsync(load, 300);

        OperationReport there = await RunAsync(switchover, rollback: false);
        Assert.Equal(move.TargetAddress, there.NewPrimary);
        SwitchoverStatus status = await switchover.GetStatusAsync(Token);
        Assert.Equal((SwitchoverPointer.UseNextDb, SwitchoverPointer.Idle, move.TargetAddress), (status.SourcePointer, status.TargetPointer, status.InCharge));
        Assert.True(status.WayBack);
        await CommittedAsync(load, 500);

        OperationReport back = await RunAsync(switchover, rollback: true);
        Assert.Equal(move.SourceAddress, back.NewPrimary);
        await CommittedAsync(load, 500);

        // Nobody writes any more, so that both sides can be compared to the last sequence.
        await load.StopAsync();
        OperationReport again = await RunAsync(switchover, rollback: true);
        Assert.Equal(move.TargetAddress, again.NewPrimary);
        output.WriteLine($"write stop {there.PausedSeconds:0.000} {back.PausedSeconds:0.000} {again.PausedSeconds:0.000} s, longest gap of the writers {load.LongestGap.TotalSeconds:0.000} s");

        await SettledAsync(switchover);
        await move.AssertEqualAsync();
        await load.AssertLedgersAsync(move.Source);
        await load.AssertLedgersAsync(move.Target);

        status = await switchover.CompleteAsync(Token);
        Assert.False(status.WayBack);
        Assert.Equal(SwitchoverPointer.UseNextDb, status.SourcePointer);
        Assert.Equal(0, await move.FlowsAsync());
        await TwoDatabases.ExecuteAsync(move.Target, "INSERT INTO employee (boss, name) VALUES (1, 'after')");
        var refused = await Assert.ThrowsAsync<PostgresException>(() => TwoDatabases.ExecuteAsync(move.Source, "DELETE FROM employee"));
        Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
    }

    private async Task<OperationReport> RunAsync(SwitchoverConnection switchover, bool rollback)
    {
        OperationPlan plan = await switchover.PlanAsync(null, rollback, Token);
        OperationReport report = await switchover.RunAsync(plan, null, "test", "test@here", null, null, Token);
        foreach (StepReport step in report.Steps)
        {
            output.WriteLine($"{step.Phase,-8} {step.Name,-10} {(step.Succeeded ? "" : "FAILED"),-6} {step.StartedSeconds,7:0.000} {step.ElapsedSeconds,7:0.000}  {step.Detail}");
        }

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        return report;
    }

    private static Task CommittedAsync(SwitchoverLoad load, int more)
    {
        long goal = load.Committed + more;
        return ServerProcess.WaitAsync($"{more} more commits", () => Task.FromResult(load.Committed >= goal));
    }

    private static Task SettledAsync(SwitchoverConnection switchover) =>
        ServerProcess.WaitAsync("the other database to be in step", async () => (await switchover.GetStatusAsync(Token)).Lag == 0);
}
