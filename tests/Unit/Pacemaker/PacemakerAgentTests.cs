using System.Collections.Concurrent;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Services;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pacemaker;

/// <summary>What the agent of pg01 does by itself and for others, over ports that are scripted.</summary>
public sealed class PacemakerAgentTests : IAsyncDisposable
{
    private static readonly UpstreamAddress Primary = new("pg02", "10.0.0.2", 5432);

    private readonly IPacemaker _pacemaker = Substitute.For<IPacemaker>();
    private readonly IPostgresServer _server = Substitute.For<IPostgresServer>();
    private readonly IServerProbe _servers = Substitute.For<IServerProbe>();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly RecordingLogger<PacemakerSupervisor> _log = new();
    private readonly PacemakerSupervisor _agent;

    // What stands in the store: enough of one.
    private readonly ConcurrentDictionary<string, StoreEntry> _keys = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _done = [];
    private readonly Lock _writing = new();
    private long _revision = 10;

    public PacemakerAgentTests()
    {
        var config = new ClusterConfig
        {
            Name = "test",
            Manager = ClusterManager.Pacemaker,
            Nodes = [.. Enumerable.Range(1, 3).Select(i => new NodeConfig { Name = $"pg0{i}", Host = $"10.0.0.{i}", Agent = new HostPort($"10.0.0.{i}", 7432), Http = new HostPort($"10.0.0.{i}", 8432) })],
            Pacemaker = new PacemakerConfig { PollInterval = TimeSpan.FromMilliseconds(5) },
        };
        _store.GetAsync(default!, Token).ReturnsForAnyArgs(c => Task.FromResult(Get(c.ArgAt<string>(0))));
        _store.ListAsync(default!, Token).ReturnsForAnyArgs(c => Task.FromResult(new StoreRange([.. _keys.Values.Where(e => e.Key.StartsWith(c.ArgAt<string>(0) ?? "", StringComparison.Ordinal))], _revision)));
        _store.DeleteAsync(default!, Token).ReturnsForAnyArgs(c => Task.FromResult(Remove(c.ArgAt<string>(0))));
        _store.CommitAsync(default!, default!, Token).ReturnsForAnyArgs(c => Task.FromResult(Commit(c.ArgAt<IReadOnlyList<StoreCondition>>(0), c.ArgAt<IReadOnlyList<StoreOperation>>(1))));
        _store.GetLockAsync(default!, Token).ReturnsForAnyArgs(_ => Task.FromResult(_keys.TryGetValue("/master/lock", out var held) ? new StoreLockState(held.Key, held.CreateRevision, new LockHolder("ann", "")) : null));
        _store.WatchAsync(default!, default, default, Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.StoreUnavailable, "no watch"));
        _pacemaker.WatchAsync(Token).ReturnsForAnyArgs(_ => throw new PgClusterException(Reason.MissingProgram, "no crm_mon"));
        _pacemaker.When(p => p.RemoveLockFile(Arg.Any<string>())).Do(_ => _done.Enqueue("rm"));
        _pacemaker.RefreshAsync(default!, default!, Token).ReturnsForAnyArgs(_ => Did("refresh"));
        _pacemaker.MoveAsync(default!, default!, default, Token).ReturnsForAnyArgs(c => Did($"move {c.ArgAt<string>(1)}"));
        _pacemaker.ClearAsync(default!, Token).ReturnsForAnyArgs(_ => Did("clear"));
        _pacemaker.SetMaintenanceAsync(default, Token).ReturnsForAnyArgs(c => Did($"maintenance {c.ArgAt<bool>(0)}"));
        _server.ProbeAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(new PostgresStatus { State = NodeState.Stopped, Role = NodeRole.Primary }));
        _agent = new PacemakerSupervisor(config.Nodes[0], config, _server, _servers, _pacemaker, _store, TimeProvider.System, _log, "1", "m");
        Sees(SampleCib.Of("STOP", "PRI", "HS:sync"));
    }

    private PacemakerMigration Migration => new(_agent.Commands);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _agent.DisposeAsync();

    [Fact]
    public async Task PG_18_changes_are_told_in_their_order_and_once()
    {
        var seen = new Queue<Cib>(new[] { SampleCib.Of("HS:sync", "HS:async", "PRI"), SampleCib.Of("HS:async", "PRI", "HS:sync"), SampleCib.Of("HS:async", "HS:sync", "PRI") }.SelectMany(c => new[] { c, c }));
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(seen.Count > 1 ? seen.Dequeue() : seen.Peek()));
        await RunUntilAsync(() => Said().Count >= 3 && seen.Count == 1);

        Assert.Equal(
            ["Pacemaker has pg03 as the primary and pg01 as its synchronous standby", "Pacemaker has pg02 as the primary and pg03 as its synchronous standby", "Pacemaker has pg03 as the primary and pg02 as its synchronous standby"],
            Said());
        Assert.Equal("10.0.0.3", _keys["/master"].Value);
    }

    [Fact]
    public async Task PG_35_a_key_that_somebody_changed_or_deleted_is_written_again()
    {
        Put("/master", "10.0.0.9");
        await RunUntilAsync(() => _keys["/master"].Value == "10.0.0.2");

        Remove("/master");
        await RunUntilAsync(() => _keys.TryGetValue("/master", out var entry) && entry.Value == "10.0.0.2");
    }

    [Fact]
    public async Task PG_15_without_quorum_nothing_is_published()
    {
        Sees(SampleCib.Parse(["STOP", "PRI", "HS:sync"], quorum: false, maintenance: false));
        await RunUntilAsync(() => Logged().Any(m => m.Contains("no quorum", StringComparison.Ordinal)));

        Assert.DoesNotContain("/master", _keys.Keys);
        Assert.Equal(Reason.NoQuorum, (await Assert.ThrowsAsync<PgClusterException>(() => _agent.Commands.FindSynchronousAsync(Token))).Reason);
    }

    [Fact]
    public async Task A_primary_of_this_node_s_is_published_once_it_accepts_writes()
    {
        Sees(SampleCib.Of("PRI", "HS:sync", "HS:potential"));
        var looks = 0;
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(looks++ < 100 ? SampleCib.Of("PRI", "HS:sync", "HS:potential") : throw new InvalidOperationException()));
        await RunUntilAsync(() => looks > 3);
        Assert.DoesNotContain("/master", _keys.Keys);

        _server.ProbeAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(new PostgresStatus { State = NodeState.Running, Role = NodeRole.Primary, PostmasterPid = 7 }));
        await RunUntilAsync(() => _keys.ContainsKey("/master"));
        Assert.Equal("10.0.0.1", _keys["/master"].Value);
    }

    [Fact]
    public async Task An_agent_that_was_held_up_writes_no_old_primary_over_a_new_one()
    {
        Put("/master", "10.0.0.1");
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ =>
        {
            // While it was asking, somebody else published the next one.
            Put("/master", "10.0.0.3");
            return Task.FromResult(SampleCib.Of("STOP", "PRI", "HS:sync"));
        });
        var looks = 0;
        _store.ListAsync(default!, Token).ReturnsForAnyArgs(_ =>
        {
            looks++;
            return Task.FromResult(new StoreRange([], 1));
        });
        await RunUntilAsync(() => looks > 4);

        Assert.Equal("10.0.0.3", _keys["/master"].Value);
    }

    [Fact]
    public async Task An_old_primary_that_is_clean_is_started_again_and_its_lock_file_goes_first()
    {
        HasLockFile();
        Inspected(own: "0/3000100", fork: "0/3000100");
        await RunUntilAsync(() => _done.Contains("refresh"));

        Assert.Equal(["rm", "refresh"], _done);
    }

    [Fact]
    public async Task An_old_primary_with_WAL_of_its_own_is_left_down_and_that_is_said_once()
    {
        HasLockFile();
        Inspected(own: "0/3000200", fork: "0/3000100");
        await RunUntilAsync(() => Logged().Any(m => m.Contains("needs a repair", StringComparison.Ordinal)) && _server.ReceivedCalls().Count(c => c.GetMethodInfo().Name == "InspectAsync") > 3);

        Assert.Empty(_done);
        Assert.Single(Logged(), m => m.Contains("needs a repair", StringComparison.Ordinal));
    }

    [Fact]
    public async Task While_nobody_is_the_primary_no_lock_file_is_touched()
    {
        HasLockFile();
        Sees(SampleCib.Of("STOP", "HS:alone", "HS:sync"));
        var looks = 0;
        _store.ListAsync(default!, Token).ReturnsForAnyArgs(_ =>
        {
            looks++;
            return Task.FromResult(new StoreRange([], 1));
        });
        await RunUntilAsync(() => looks > 4);

        Assert.Empty(_done);
    }

    [Fact]
    public async Task A_move_is_on_record_before_it_is_asked_for_and_taken_back_when_its_lock_is_gone()
    {
        var held = Put("/master/lock", "");
        var operation = new OperationToken("op1", held.Key, held.CreateRevision);
        _pacemaker.MoveAsync(default!, default!, default, Token).ReturnsForAnyArgs(_ => Did(_keys.ContainsKey("/pacemaker/move/pgsql-clone") ? "move on record" : "move"));
        _done.Clear();
        await _agent.Commands.MoveAsync(operation, "pg03", Token);
        Assert.Equal(["move on record"], _done);

        var looks = 0;
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(looks++ >= 0 ? SampleCib.Of("STOP", "PRI", "HS:sync") : null!));
        await RunUntilAsync(() => looks > 3);
        Assert.Equal(["move on record"], _done);

        // Whoever ran it is dead, and its lease is over; another one may hold the lock by now.
        Remove("/master/lock");
        await RunUntilAsync(() => _done.Contains("clear"));
        Assert.DoesNotContain("/pacemaker/move/pgsql-clone", _keys.Keys);
    }

    [Theory]
    [InlineData("pg01", "it does not")]
    [InlineData("pg02", "PRI")]
    [InlineData("pg09", "it does not know it")]
    public async Task PG_9_nobody_but_the_synchronous_standby_is_asked_for(string target, string evidence)
    {
        Sees(SampleCib.Of("it does not stream", "PRI", "HS:sync"));
        var held = Put("/master/lock", "");

        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _agent.Commands.MoveAsync(new OperationToken("op1", held.Key, held.CreateRevision), target, Token));
        Assert.Equal(Reason.NoEligibleCandidate, refused.Reason);
        Assert.Contains(evidence, refused.Message, StringComparison.Ordinal);
        Assert.Empty(_done);
        Assert.DoesNotContain(_keys.Keys, k => k.StartsWith("/pacemaker/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PG_7_pgcm_s_migrate_moves_to_the_synchronous_standby_and_says_where_it_will_be()
    {
        Put("/master/lock", "");

        Assert.Equal(("pg03", "10.0.0.3"), await Migration.MigrateAsync("pgcm", Token));
        Assert.Equal(["move pg03"], _done);
        await Migration.UnmigrateAsync(Token);
        Assert.Equal(["move pg03", "clear"], _done);
    }

    [Fact]
    public async Task PG_8_to_PG_11_what_keeps_pgcm_s_migrate_from_it_is_said_in_its_words()
    {
        Put("/master/lock", "");
        _pacemaker.ReadAsync(Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.PacemakerUnavailable, "oops"));
        await RefusedAsync(GrpcStatusCode.Unknown, "failed to query cib: pg01: oops");

        Sees(SampleCib.Of("PRI", "HS:async", "HS:async"));
        await RefusedAsync(GrpcStatusCode.NotFound, "failed to find sync node");

        // A node that the configuration does not name is resolved by corosync.
        Sees(SampleCib.Of("PRI", "HS:async", "HS:async", "HS:sync"));
        _pacemaker.GetAddressAsync("4", Arg.Any<CancellationToken>()).ThrowsAsync(new PgClusterException(Reason.PacemakerUnavailable, "no such node"));
        await RefusedAsync(GrpcStatusCode.Unknown, "failed to resolve sync host IP address: no such node");

        Sees(SampleCib.Of("PRI", "HS:async", "HS:sync"));
        _pacemaker.MoveAsync(default!, default!, default, Token).ThrowsAsyncForAnyArgs(new PgClusterException(Reason.PacemakerUnavailable, "no"));
        _done.Clear();
        await RefusedAsync(GrpcStatusCode.Unknown, "'crm resource migrate pg03' failed: no");

        Remove("/master/lock");
        await RefusedAsync(GrpcStatusCode.Unknown, "'crm resource migrate pg03' failed: nobody holds the cluster's lock: take it first");
        Assert.Empty(_done);
    }

    [Fact]
    public async Task Orders_of_somebody_who_does_not_hold_the_lock_are_refused()
    {
        var held = Put("/master/lock", "");

        Assert.Equal(Reason.LockLost, (await Assert.ThrowsAsync<PgClusterException>(() => _agent.Commands.MoveAsync(new OperationToken("op1", held.Key, held.CreateRevision + 1), "pg03", Token))).Reason);
        Assert.Equal(Reason.LockLost, (await Assert.ThrowsAsync<PgClusterException>(() => _agent.Commands.SettleAsync(new OperationToken("op1", "/master/other", 1), Primary, Token))).Reason);
        Assert.Empty(_done);
    }

    [Theory]
    [InlineData(ServerAnswer.Writes, 7)]
    [InlineData(ServerAnswer.Refused, 0)]
    public async Task Another_node_s_promotion_is_over_when_Pacemaker_and_its_server_say_so_and_the_key_names_it(ServerAnswer answer, int timeline)
    {
        var held = Put("/master/lock", "");
        Put("/master", "10.0.0.2");
        var (looks, asked) = (0, 0);
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(looks++ < 3 ? SampleCib.Of("HS:potential", "PRI", "HS:sync") : SampleCib.Of("HS:sync", "STOP", "PRI")));
        _servers.LookAsync(default!, default, Token).ReturnsForAnyArgs(c => Task.FromResult(
            new ServerLook(c.ArgAt<NodeConfig>(0).Name, asked++ < 2 ? ServerAnswer.Standby : answer, default, default, timeline)));

        var promotion = await _agent.Commands.WaitForPromotionAsync(new OperationToken("op1", held.Key, held.CreateRevision), "pg03", Token);

        Assert.Equal((timeline, "10.0.0.3", _keys["/master"].ModRevision), (promotion.Timeline, promotion.Address, promotion.Revision));
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task The_key_of_another_node_s_promotion_may_be_of_pgcm_s_supervise()
    {
        var held = Put("/master/lock", "");
        var before = Put("/master", "10.0.0.3");
        Sees(SampleCib.Of("HS:sync", "STOP", "PRI"));
        _servers.LookAsync(default!, default, Token).ReturnsForAnyArgs(Task.FromResult(new ServerLook("pg03", ServerAnswer.Writes, default, default, 7)));

        Assert.Equal(before.ModRevision, (await _agent.Commands.WaitForPromotionAsync(new OperationToken("op1", held.Key, held.CreateRevision), "pg03", Token)).Revision);
    }

    [Fact]
    public async Task What_Pacemaker_does_is_not_done_behind_its_back()
    {
        var held = Put("/master/lock", "");
        var operation = new OperationToken("op1", held.Key, held.CreateRevision);
        Func<Task>[] orders =
        [
            () => _agent.Commands.PromoteAsync(operation, Token), () => _agent.Commands.StopPrimaryAsync(operation, "pg02", TimeSpan.FromSeconds(1), Token),
            () => _agent.Commands.FollowAsync(operation, Primary, Token), () => _agent.Commands.RestartServerAsync(operation, Token), () => _agent.Commands.VoteAsync(Token),
        ];

        foreach (var order in orders)
        {
            Assert.Equal(Reason.NotSupportedHere, (await Assert.ThrowsAsync<PgClusterException>(order)).Reason);
        }
    }

    [Fact]
    public async Task Maintenance_mode_follows_the_suspension_and_one_of_somebody_else_s_is_left_alone()
    {
        Put("/suspended", "{}");
        await RunUntilAsync(() => _done.Contains("maintenance True"));
        Sees(SampleCib.Parse(["STOP", "PRI", "HS:sync"], quorum: true, maintenance: true));
        Remove("/suspended");
        await RunUntilAsync(() => _done.Contains("maintenance False"));

        // Nobody here has begun this one.
        _done.Clear();
        Put("/suspended", "{}");
        Remove("/suspended");
        var looks = 0;
        _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(looks++ >= 0 ? SampleCib.Parse(["STOP", "PRI", "HS:sync"], quorum: true, maintenance: true) : null!));
        await RunUntilAsync(() => looks > 3);
        Assert.Empty(_done);
    }

    private async Task RefusedAsync(GrpcStatusCode status, string detail)
    {
        var refused = await Assert.ThrowsAsync<GrpcException>(() => Migration.MigrateAsync("pgcm", Token));
        Assert.Equal((status, detail), (refused.StatusCode, refused.Detail));
    }

    private IEnumerable<string> Logged() => _log.Entries.Select(e => e.Text);

    private StoreEntry? Get(string key) => _keys.TryGetValue(key, out var entry) ? entry : null;

    private List<string> Said() => [.. Logged().Where(m => m.StartsWith("Pacemaker has", StringComparison.Ordinal))];

    private void Sees(Cib cib) => _pacemaker.ReadAsync(Token).ReturnsForAnyArgs(_ => Task.FromResult(cib));

    private void HasLockFile() => _pacemaker.HasLockFile(default!).ReturnsForAnyArgs(_ => !_done.Contains("rm"));

    private void Inspected(string own, string fork) => _server.InspectAsync(default!, Token).ReturnsForAnyArgs(_ => Task.FromResult(new RejoinSituation(
        new RejoinNode { SystemIdentifier = "1", CleanShutdown = true, Role = NodeRole.Standby, History = new TimelineHistory(1, []), WalEnd = Lsn.Parse(own), Checkpoint = Lsn.Parse("0/3000028") },
        new RejoinUpstream("pg02", "1", new TimelineHistory(2, [new TimelineSwitch(1, Lsn.Parse(fork))]), Lsn.Parse("0/4000000")))));

    private async Task RunUntilAsync(Func<bool> condition)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var run = _agent.RunAsync(stop.Token);
        stop.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition() && !stop.IsCancellationRequested)
        {
            await Task.Delay(2, CancellationToken.None);
        }

        var held = condition();
        await stop.CancelAsync();
        await run;
        Assert.True(held, "it did not come to that: " + string.Join("; ", Logged().TakeLast(5)));
    }

    private Task Did(string what)
    {
        _done.Enqueue(what);
        return Task.CompletedTask;
    }

    private StoreEntry Put(string key, string value)
    {
        lock (_writing)
        {
            var before = Get(key);
            _revision++;
            return _keys[key] = new StoreEntry(key, value, before?.CreateRevision ?? _revision, _revision, (before?.Version ?? 0) + 1);
        }
    }

    private bool Remove(string key)
    {
        return _keys.TryRemove(key, out _);
    }

    private StoreCommit Commit(IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations)
    {
        lock (_writing)
        {
            var holds = conditions.All(c => c switch
            {
                StoreCondition.Absent => !_keys.ContainsKey(c.Key),
                StoreCondition.ModRevisionIs mod => Get(c.Key)?.ModRevision == mod.ModRevision,
                StoreCondition.CreateRevisionIs create => Get(c.Key)?.CreateRevision == create.CreateRevision,
                _ => false,
            });
            foreach (var put in operations.OfType<StoreOperation.Put>().Where(_ => holds))
            {
                Put(put.Key, put.Value);
            }

            return new StoreCommit(holds, _revision);
        }
    }
}
