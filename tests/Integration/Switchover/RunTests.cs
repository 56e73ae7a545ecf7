using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(SwitchoverGroup.Name)]
public sealed class RunTests(PostgresInstance postgres)
{
    private static readonly SwitchoverLimits Limits = new()
    {
        PollInterval = TimeSpan.FromMilliseconds(100), HelloWindow = TimeSpan.FromSeconds(1), LeaderTimeout = TimeSpan.FromSeconds(6),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_15_SW_16_a_run_pauses_the_application_and_moves_it_once()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var source = new SwitchoverDataSource(pair.Options(Limits));
        var application = new Application();
        await using var participant = await source.StartParticipantAsync(application, Token);
        await using var log = new PostgresMessageLog(pair.Current, Limits);
        await using var leader = await LeaderAsync(pair, log, new Flip(pair, application));
        await ReadyAsync(leader, 2);

        await leader.ExecuteAsync(Token);

        await ReachAsync(participant.Node, SwitchoverState.Done);
        await Poll.UntilAsync("the application works again", () => !application.IsPaused);
        Assert.True(application.WasPausedAtFlip);
        await using var connection = await source.OpenConnectionAsync(Token);
        Assert.True(connection.IsNext);
        Assert.Equal(SwitchoverState.Done, (await SwitchoverReplay.ReadAsync(log, Token)).State);
        await RefusedAsync(Reason.SwitchoverNotReady, "cannot execute unless idle", () => leader.ExecuteAsync(Token));
        await RefusedAsync(Reason.StaleDatabase, "switchover state is use_next_db", () => leader.ResetAsync(Token));
        Assert.Equal(SwitchoverState.Done, participant.Node.View.State);
        Assert.Equal("use_next_db", await DatabasePair.StateAsync(pair.Current));
    }

    [Theory]
    [InlineData(SwitchoverState.Idle)]
    [InlineData(SwitchoverState.Syncing)]
    [InlineData(SwitchoverState.Executing)]
    public async Task SW_11_a_participant_that_starts_aborts_and_the_current_database_stays_in_charge(SwitchoverState state)
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var source = new SwitchoverDataSource(pair.Options(Limits));
        var application = new Application();
        await using var participant = await source.StartParticipantAsync(application, Token);
        await using var log = new PostgresMessageLog(pair.Current, Limits);
        var executor = new Flip(pair, application) { HangsWhile = state };
        await using var leader = await LeaderAsync(pair, log, executor);
        await ReadyAsync(leader, 2);
        if (state != SwitchoverState.Idle)
        {
            await leader.ExecuteAsync(Token);
            await ReachAsync(participant.Node, state);
            Assert.Equal(state == SwitchoverState.Executing, application.IsPaused);
        }

        await using var another = new SwitchoverDataSource(pair.Options(Limits));
        await using var newcomer = await another.StartParticipantAsync(new Application(), Token);

        await ReachAsync(leader, SwitchoverState.Unknown);
        await ReachAsync(participant.Node, SwitchoverState.Unknown);
        await Poll.UntilAsync("the application works again", () => !application.IsPaused);
        Assert.NotEqual("use_next_db", await DatabasePair.StateAsync(pair.Current));
        await using (var connection = await source.OpenConnectionAsync(Token))
        {
            Assert.False(connection.IsNext);
        }

        // What was aborted can be run again, with the newcomer.
        executor.HangsWhile = null;
        await ReadyAsync(leader, 3);
        await leader.ExecuteAsync(Token);
        await ReachAsync(newcomer.Node, SwitchoverState.Done);
    }

    [Fact]
    public async Task SW_12_without_somebody_who_can_lead_a_reset_ends_in_unknown()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var source = new SwitchoverDataSource(pair.Options(Limits with { ResetTimeout = TimeSpan.FromSeconds(2) }));
        await using var participant = await source.StartParticipantAsync(new Application(), Token);

        await participant.Node.ResetAsync(Token);
        await ReachAsync(participant.Node, SwitchoverState.Resetting);

        await ReachAsync(participant.Node, SwitchoverState.Unknown);
        Assert.Equal("reset failed: no participant can execute", participant.Node.View.LastError);
    }

    [Fact]
    public async Task A_database_that_stops_answering_keeps_no_application_paused()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await using var source = new SwitchoverDataSource(pair.Options(Limits));
        var application = new Application();
        await using var participant = await source.StartParticipantAsync(application, Token);
        await using var log = new PostgresMessageLog(pair.Current, Limits);
        await using var leader = await LeaderAsync(pair, log, new Flip(pair, application) { HangsWhile = SwitchoverState.Executing });
        await ReadyAsync(leader, 2);
        await leader.ExecuteAsync(Token);
        await ReachAsync(participant.Node, SwitchoverState.Executing);
        Assert.True(application.IsPaused);

        // Nobody can append: a lock on the log is as good as a dead server.
        await using var blocker = await pair.Current.OpenConnectionAsync(Token);
        await using var transaction = await blocker.BeginTransactionAsync(Token);
        await new NpgsqlCommand("lock table pgcluster_switchover.log", blocker).ExecuteNonQueryAsync(Token);

        await Poll.UntilAsync("the application works again", () => !application.IsPaused);
        Assert.Equal((SwitchoverState.Unknown, "the leader fell silent"), (participant.Node.View.State, participant.Node.View.LastError));
    }

    private static async Task<SwitchoverNode> LeaderAsync(DatabasePair pair, PostgresMessageLog log, ISwitchoverExecutor executor)
    {
        var node = new SwitchoverNode(
            new() { Id = Guid.NewGuid(), CurrentDbId = Guid.Empty, NextDbId = Guid.Empty, Limits = Limits },
            log, new PostgresSwitchoverControl(pair.Current, Limits), new PauseGroup(), executor, TimeProvider.System, NullLogger<SwitchoverNode>.Instance);
        await node.StartAsync(Token);
        return node;
    }

    private static async Task ReadyAsync(SwitchoverNode leader, int nodes)
    {
        await leader.ResetAsync(Token);
        var view = await leader.WaitUntilAsync(view => view.State is SwitchoverState.Idle or SwitchoverState.Unknown, Token).WaitAsync(Poll.Budget, Token);
        Assert.Equal((SwitchoverState.Idle, nodes), (view.State, view.Nodes.Count));
    }

    private static Task<SwitchoverView> ReachAsync(SwitchoverNode node, SwitchoverState state) =>
        node.WaitUntilAsync(view => view.State == state, Token).WaitAsync(Poll.Budget, Token);

    private static async Task RefusedAsync(Reason reason, string text, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(call);
        Assert.Equal(reason, error.Reason);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }

    private sealed class Application : IPausable
    {
        private volatile bool _isPaused;

        public bool IsPaused => _isPaused;

        public bool WasPausedAtFlip { get; set; }

        public Task PauseAsync(CancellationToken cancellationToken)
        {
            _isPaused = true;
            return Task.CompletedTask;
        }

        public Task ResumeAsync(CancellationToken cancellationToken)
        {
            _isPaused = false;
            return Task.CompletedTask;
        }
    }

    /// <summary>A leader with nothing to copy.</summary>
    private sealed class Flip(DatabasePair pair, Application application) : ISwitchoverExecutor
    {
        public SwitchoverState? HangsWhile { get; set; }

        public async Task SyncAsync(IProgress<string> status, CancellationToken cancellationToken)
        {
            await using (var connection = await pair.Current.OpenConnectionAsync(cancellationToken))
            {
                await SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.Idle, SwitchoverPointer.InProgress, cancellationToken);
            }

            await HangAsync(SwitchoverState.Syncing, cancellationToken);
        }

        public async Task ExecAsync(IProgress<string> status, CancellationToken cancellationToken)
        {
            await HangAsync(SwitchoverState.Executing, cancellationToken);
            application.WasPausedAtFlip = application.IsPaused;
            await using var connection = await pair.Current.OpenConnectionAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            var guards = new SwitchoverGuards(Limits);
            await guards.HoldAsync(connection, SwitchoverGuard.InProgress, cancellationToken);
            await guards.HoldAsync(connection, SwitchoverGuard.StopTheWorld, cancellationToken);
            await SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.InProgress, SwitchoverPointer.UseNextDb, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }

        private Task HangAsync(SwitchoverState state, CancellationToken cancellationToken) =>
            HangsWhile == state ? Task.Delay(Timeout.Infinite, cancellationToken) : Task.CompletedTask;
    }
}
