using System.Diagnostics;
using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Integration.Postgres;

public sealed class RejoinTests : IAsyncDisposable
{
    private const string Content = StreamingLab.Content;
    private static readonly RejoinOptions All = new();

    private readonly StreamingLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_crashed_primary_with_WAL_of_its_own_is_rewound_streams_again_and_keeps_its_configuration()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        var data = _lab.Options("pg01").DataDirectory;
        await _lab.GiveOwnConfigurationAsync("pg01", data);
        var fork = await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var ownFiles = StreamingLab.OwnFiles(data);

        var situation = await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token);
        var plan = RejoinPolicy.Decide(situation, All);
        Assert.Equal((RejoinMethod.Rewind, fork, 1), (plan.Method, plan.Fork!.Value, plan.DiscardedTimeline!.Value));
        Assert.Equal(fork.BytesBehind(situation.Node.WalEnd!.Value), plan.DiscardedBytes);
        Assert.True(plan.DiscardedBytes > 1000, plan.ToString());

        var began = Stopwatch.GetTimestamp();
        var result = await _lab["pg01"].RewindAsync(_lab.Address("pg02"), keepCopy: true, Token);
        StreamingLab.Write(string.Create(CultureInfo.InvariantCulture, $"rewound in {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms"));
        Assert.Equal(ownFiles, StreamingLab.OwnFiles(data));
        await _lab["pg01"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg01", "pg02", Content);
        StreamingLab.Write(string.Create(CultureInfo.InvariantCulture, $"streams after {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms"));
        Assert.Equal("3ms", await _lab.QueryAsync("pg01", "SHOW deadlock_timeout"));
        Assert.False(File.Exists(Path.Combine(data, "of-the-source")));

        // What was discarded is there for whoever wants to look: the segment with the fork, as this node had it, and its pg_control.
        Assert.True(result.Changed);
        Assert.StartsWith(data + ".diverged-", result.KeptDirectory, StringComparison.Ordinal);
        var kept = Directory.GetFiles(result.KeptDirectory!).Select(Path.GetFileName).ToList();
        Assert.Contains("pg_control", kept);
        Assert.Contains(WalSegment.Name(1, fork.Value >> 24, 1 << 24), kept);
        Assert.False(Directory.Exists(new RewindWork(data).Root));
    }

    [Fact]
    public async Task A_primary_that_was_shut_down_cleanly_only_follows()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT generate_series(1, 100) AS id");
        var shutdown = await _lab["pg01"].StopAsync(ShutdownMode.Fast, Token);
        await _lab["pg02"].WaitForReplayAsync(shutdown.CheckpointLsn, Token);
        await _lab["pg02"].PromoteAsync(Token);

        var situation = await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token);
        var plan = RejoinPolicy.Decide(situation, All);
        Assert.Equal((RejoinMethod.Follow, plan.Fork), (plan.Method, situation.Node.WalEnd));
        await _lab["pg01"].FollowAsync(_lab.Address("pg02"), Token);
        await _lab.QueryAsync("pg02", "INSERT INTO t VALUES (-1)");
        await _lab.CatchesUpAsync("pg01", "pg02", Content);
        Assert.Equal(RejoinMethod.Follow, RejoinPolicy.Decide(await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token), All).Method);
    }

    [Theory]
    [InlineData(ShutdownMode.Fast)]
    [InlineData(ShutdownMode.Immediate)]
    public async Task A_standby_that_replayed_beyond_the_fork_is_rewound(ShutdownMode stop)
    {
        await _lab.StartAsync("", "pg01", "pg02", "pg03");
        await _lab.DivergeAsync("pg03");
        Assert.Equal(RejoinMethod.Rewind, RejoinPolicy.Decide(await _lab["pg03"].InspectAsync(_lab.Address("pg02"), Token), All).Method);
        await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg03"].RewindAsync(_lab.Address("pg02"), false, Token));
        await _lab["pg03"].StopAsync(stop, Token);
        var plan = RejoinPolicy.Decide(await _lab["pg03"].InspectAsync(_lab.Address("pg02"), Token), All);
        Assert.Equal(RejoinMethod.Rewind, plan.Method);
        Assert.True((await _lab["pg03"].RewindAsync(_lab.Address("pg02"), false, Token)).Changed);
        await _lab["pg03"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg03", "pg02", Content);
    }

    [Theory]
    [InlineData(ShutdownMode.Fast)]
    [InlineData(ShutdownMode.Immediate)]
    public async Task A_standby_that_only_received_beyond_the_fork_does_not_replay_it(ShutdownMode stop)
    {
        await _lab.StartAsync("", "pg01", "pg02", "pg03");
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT generate_series(1, 100) AS id");
        await _lab.CatchesUpAsync("pg03", "pg01", Content);
        await _lab.QueryAsync("pg03", "SELECT pg_wal_replay_pause()");
        await _lab.DivergeAsync("pg03");
        await _lab["pg03"].StopAsync(stop, Token);

        var plan = RejoinPolicy.Decide(await _lab["pg03"].InspectAsync(_lab.Address("pg02"), Token), All);
        Assert.Equal(RejoinMethod.Rewind, plan.Method);
        var result = await _lab["pg03"].RewindAsync(_lab.Address("pg02"), false, Token);
        Assert.Equal(stop == ShutdownMode.Immediate, result.Changed);
        Assert.Equal(RejoinMethod.Follow, RejoinPolicy.Decide(await _lab["pg03"].InspectAsync(_lab.Address("pg02"), Token), All).Method);
        await _lab["pg03"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg03", "pg02", Content);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_hints_and_checksums_it_is_cloned(bool keepOld)
    {
        await _lab.StartAsync("wal_log_hints = off", "pg01", "pg02");
        var data = _lab.Options("pg01").DataDirectory;
        await _lab.GiveOwnConfigurationAsync("pg01", data);
        await _lab.DivergeAsync();
        await _lab["pg01"].KillAsync(Token);
        var ownFiles = StreamingLab.OwnFiles(data);
        var plan = RejoinPolicy.Decide(await _lab["pg01"].InspectAsync(_lab.Address("pg02"), Token), All);
        Assert.Equal(RejoinMethod.Clone, plan.Method);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].RewindAsync(_lab.Address("pg02"), false, Token));
        Assert.Contains("wal_log_hints", refused.Message, StringComparison.Ordinal);

        var began = Stopwatch.GetTimestamp();
        var result = await _lab["pg01"].CloneAsync(_lab.Address("pg02"), keepOld, null, Token);
        StreamingLab.Write(string.Create(CultureInfo.InvariantCulture, $"cloned and streaming after {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms"));
        await _lab.CatchesUpAsync("pg01", "pg02", Content);
        Assert.Equal(ownFiles, StreamingLab.OwnFiles(data));
        Assert.Equal("3ms", await _lab.QueryAsync("pg01", "SHOW deadlock_timeout"));
        Assert.Equal(keepOld, result.KeptDirectory is not null);
        Assert.Equal(
            keepOld ? [data, result.KeptDirectory!] : [data],
            Directory.GetDirectories(_lab.Root, "pg01*").Order(StringComparer.Ordinal));
        if (keepOld)
        {
            Assert.StartsWith(data + ".before-", result.KeptDirectory, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(result.KeptDirectory!, "global", "pg_control")));
        }
    }

    [Fact]
    public async Task A_node_without_data_is_cloned_and_one_of_another_cluster_only_when_asked()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await using var other = new StreamingLab();
        await other.StartAsync("", "pg01");
        await other["pg01"].StopAsync(ShutdownMode.Fast, Token);
        var foreign = await other["pg01"].InspectAsync(_lab.Address("pg01"), Token);
        Assert.Equal(RejoinMethod.Impossible, RejoinPolicy.Decide(foreign, All).Method);
        Assert.Equal(RejoinMethod.Clone, RejoinPolicy.Decide(foreign, All with { CloneAnyway = true }).Method);
        await other["pg01"].CloneAsync(_lab.Address("pg01"), false, null, Token);
        await other.StreamsAsync("pg01");

        // Only its configuration is left of the other one.
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT generate_series(1, 100) AS id");
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        var data = _lab.Options("pg02").DataDirectory;
        foreach (var directory in Directory.GetDirectories(data))
        {
            Directory.Delete(directory, recursive: true);
        }

        var plan = RejoinPolicy.Decide(await _lab["pg02"].InspectAsync(_lab.Address("pg01"), Token), All);
        Assert.Equal(RejoinMethod.Clone, plan.Method);
        await _lab["pg02"].CloneAsync(_lab.Address("pg01"), false, null, Token);
        await _lab.CatchesUpAsync("pg02", "pg01", Content);
    }

    [Fact]
    public async Task A_clone_refuses_tablespaces_a_mount_point_and_a_server_that_runs()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        Assert.Equal(
            Reason.PostgresUnavailable,
            (await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg02"].CloneAsync(_lab.Address("pg01"), false, null, Token))).Reason);
        var place = Path.Combine(_lab.Root, "space");
        Directory.CreateDirectory(place);
        PostgresLab.Account?.Own(place);
        await _lab.QueryAsync("pg01", $"CREATE TABLESPACE elsewhere LOCATION '{place}'");
        await _lab["pg02"].KillAsync(Token);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg02"].CloneAsync(_lab.Address("pg01"), false, null, Token));
        Assert.Equal(Reason.PreflightFailed, refused.Reason);
        Assert.Contains("tablespaces (elsewhere)", refused.Message, StringComparison.Ordinal);
        Assert.True(MountPoints.Contains("/proc"));
        Assert.False(MountPoints.Contains(_lab.Root));
    }
}
