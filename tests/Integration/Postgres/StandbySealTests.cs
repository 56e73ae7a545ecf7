using System.Diagnostics;
using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Integration.Postgres;

public sealed class StandbySealTests : IAsyncDisposable
{
    private static readonly TimeSpan ReplayBudget = TimeSpan.FromSeconds(5);

    private readonly StreamingLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Theory]
    [InlineData("200ms")]
    [InlineData("5s")]
    public async Task A_sealed_standby_is_promoted_at_once_and_one_that_follows_again_streams_at_once(string retryInterval)
    {
        await _lab.StartAsync($"wal_retrieve_retry_interval = {retryInterval}", "pg01", "pg02");
        await _lab.QueryAsync("pg01", "CREATE TABLE t (id int)");
        var times = new List<(double Seal, double Follow)>();
        for (var i = 0; i < 10; i++)
        {
            await _lab.QueryAsync("pg01", $"INSERT INTO t VALUES ({i})");
            var flushed = Lsn.Parse((await _lab.QueryAsync("pg01", "SELECT pg_current_wal_flush_lsn()::text"))!);
            await _lab.ProbeUntilAsync("pg02", s => s.Lsn >= flushed);

            var began = Stopwatch.GetTimestamp();
            var standby = await _lab["pg02"].SealAsync(ReplayBudget, Token);
            var seal = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            Assert.Equal((1, standby.ReceivedLsn), (standby.Timeline, standby.ReplayedLsn));
            Assert.True(standby.ReceivedLsn >= flushed, $"{standby} is before {flushed}");
            Assert.Equal("0", await _lab.QueryAsync("pg02", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walreceiver'"));
            Assert.Equal(standby, await _lab["pg02"].SealAsync(ReplayBudget, Token));

            began = Stopwatch.GetTimestamp();
            await _lab["pg02"].FollowAsync(_lab.Address("pg01"), Token);
            await _lab.StreamsAsync("pg02");
            times.Add((seal, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
        }

        var last = await _lab["pg02"].SealAsync(ReplayBudget, Token);
        var promoting = Stopwatch.GetTimestamp();
        Assert.Equal(2, await _lab["pg02"].PromoteAsync(Token));
        var promoted = Stopwatch.GetElapsedTime(promoting).TotalMilliseconds;
        Assert.Equal(last.ReceivedLsn, (await _lab["pg02"].InspectAsync(_lab.Address("pg01"), Token)).Node.History.BeginOf(2));
        StreamingLab.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"retry {retryInterval}: seal {Median(times.Select(t => t.Seal)):0.0} ms (max {times.Max(t => t.Seal):0.0}), follow until streaming {Median(times.Select(t => t.Follow)):0} ms (max {times.Max(t => t.Follow):0}), promote {promoted:0} ms"));

        // One of them alone may meet a busy machine.
        Assert.True(Median(times.Select(t => t.Seal)) < 1000, "sealing waits for an interval");
        Assert.True(Median(times.Select(t => t.Follow)) < 2500, "following again waits for an interval");
        Assert.True(promoted < 2500, "the promotion waits for an interval");
    }

    [Fact]
    public async Task After_the_seal_no_commit_is_acknowledged_and_everything_acknowledged_was_received()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab["pg01"].SetSynchronousStandbysAsync("FIRST 1 (pg02)", Token);
        await _lab.QueryAsync("pg01", "CREATE TABLE t (writer int, id int)");
        for (var round = 0; round < 5; round++)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var acknowledged = new int[4];
            var writers = Enumerable.Range(0, acknowledged.Length).Select(writer => WriteAsync(writer, acknowledged, stop.Token)).ToList();
            await Fixtures.Poll.UntilAsync("every writer writes", () => acknowledged.All(count => count > 20));

            var standby = await _lab["pg02"].SealAsync(ReplayBudget, Token);
            var after = acknowledged.ToArray();
            await Fixtures.Poll.UntilAsync("every writer waits for the standby", async () =>
                await _lab.QueryAsync("pg01", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "4");

            // An acknowledgement on its way to a writer may be counted late, one for each at most; and everything counted is in what was received.
            for (var writer = 0; writer < after.Length; writer++)
            {
                Assert.True(acknowledged[writer] <= after[writer] + 1, $"writer {writer} went on from {after[writer]} to {acknowledged[writer]}");
                Assert.True(acknowledged[writer] <= int.Parse(
                    (await _lab.QueryAsync("pg02", $"SELECT count(*) FROM t WHERE writer = {writer}"))!, CultureInfo.InvariantCulture));
            }

            Assert.Equal(standby, await _lab["pg02"].SealAsync(ReplayBudget, Token));
            await stop.CancelAsync();
            await _lab["pg02"].FollowAsync(_lab.Address("pg01"), Token);
            await _lab.StreamsAsync("pg02");
            await Task.WhenAll(writers);
            await _lab.QueryAsync("pg01", "TRUNCATE t");
        }
    }

    [Theory]
    [InlineData("paused")]
    [InlineData("delayed")]
    [InlineData("busy")]
    public async Task A_standby_that_is_behind_is_sealed_as_well(string how)
    {
        await _lab.StartAsync(how == "delayed" ? "recovery_min_apply_delay = 10min" : "", "pg01", "pg02");
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT 0 AS id");
        if (how == "paused")
        {
            await _lab.QueryAsync("pg02", "SELECT pg_wal_replay_pause()");
        }

        await _lab.QueryAsync("pg01", $"INSERT INTO t SELECT g FROM generate_series(1, {(how == "busy" ? 400_000 : 100)}) g");
        var flushed = Lsn.Parse((await _lab.QueryAsync("pg01", "SELECT pg_current_wal_flush_lsn()::text"))!);
        if (how != "busy")
        {
            await _lab.ProbeUntilAsync("pg02", s => s.Lsn >= flushed);
        }

        var began = Stopwatch.GetTimestamp();
        var standby = await _lab["pg02"].SealAsync(TimeSpan.Zero, Token);
        StreamingLab.Write(string.Create(CultureInfo.InvariantCulture, $"{how}: {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms, {standby}"));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        await _lab.QueryAsync("pg01", "INSERT INTO t VALUES (-1)");
        if (how != "busy")
        {
            Assert.True(standby.ReceivedLsn >= flushed && standby.ReplayedLsn < flushed, $"{standby}, primary {flushed}");
            Assert.Equal(standby.ReceivedLsn, (await _lab["pg02"].SealAsync(TimeSpan.Zero, Token)).ReceivedLsn);
        }
        else
        {
            var again = await _lab["pg02"].SealAsync(TimeSpan.FromSeconds(30), Token);
            Assert.Equal(standby.ReceivedLsn, again.ReceivedLsn);
        }

        Assert.Equal("0", await _lab.QueryAsync("pg02", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walreceiver'"));
    }

    /// <summary>What the seal watches has names that could change with a version. Their rewinds cannot be shown: those packages have no pg_rewind.</summary>
    [Theory]
    [InlineData(17)]
    [InlineData(18)]
    public async Task Other_versions_are_sealed_promoted_and_asked_as_well(int major)
    {
        var version = await Fixtures.PostgresVersion.GetAsync(major);
        var folder = Directory.CreateTempSubdirectory("pgc-bin-").FullName;
        try
        {
            PostgresLab.Account?.Own(folder);
            version.WrapInto(folder);
            await using var lab = new StreamingLab(folder);
            await lab.StartAsync("", "pg01", "pg02");
            await lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT generate_series(1, 100) AS id");
            await lab.CatchesUpAsync("pg02", "pg01", StreamingLab.Content);
            foreach (var name in new[] { "pg01", "pg02" })
            {
                await lab[name].EnsureSlotsAsync(["pg03"], Token);
            }

            await lab["pg02"].AdvanceSlotsAsync((await lab["pg01"].ProbeAsync(Token)).Slots, Token);
            for (var i = 0; i < 3; i++)
            {
                var standby = await lab["pg02"].SealAsync(ReplayBudget, Token);
                Assert.Equal((1, standby.ReceivedLsn), (standby.Timeline, standby.ReplayedLsn));
                await lab.QueryAsync("pg01", $"INSERT INTO t VALUES ({i})");
                Assert.Equal(standby, await lab["pg02"].SealAsync(ReplayBudget, Token));
                await lab["pg02"].FollowAsync(lab.Address("pg01"), Token);
                await lab.CatchesUpAsync("pg02", "pg01", StreamingLab.Content);
            }

            await lab["pg02"].SealAsync(ReplayBudget, Token);
            Assert.Equal(2, await lab["pg02"].PromoteAsync(Token));
            await lab["pg01"].KillAsync(Token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_standby_without_its_primary_is_sealed_and_what_an_operator_set_comes_back()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        var autoConf = Path.Combine(_lab.Options("pg02").DataDirectory, PostgresAutoConfName);
        await _lab.QueryAsync("pg02", "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=postgres sslmode=prefer keepalives_idle=7'");
        await _lab["pg02"].FollowAsync(_lab.Address("pg01"), Token);
        await _lab.StreamsAsync("pg02");
        await _lab["pg01"].KillAsync(Token);
        var standby = await _lab["pg02"].SealAsync(ReplayBudget, Token);
        Assert.Contains("primary_conninfo = ''", await File.ReadAllTextAsync(autoConf, Token), StringComparison.Ordinal);

        await _lab["pg01"].StartAsync(Token);
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT 1 AS id");
        Assert.Equal(standby, await _lab["pg02"].SealAsync(ReplayBudget, Token));
        await _lab["pg02"].FollowAsync(_lab.Address("pg01"), Token);
        await _lab.CatchesUpAsync("pg02", "pg01", "SELECT count(*) FROM t");
        Assert.Contains("keepalives_idle=7", await _lab.QueryAsync("pg02", "SHOW primary_conninfo"), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_lab.Options("pg02").DataDirectory, LocalPostgresServer.SealedConnectionFile)));
    }

    [Fact]
    public async Task A_standby_without_its_primary_is_on_the_timeline_that_it_received_last()
    {
        await _lab.StartAsync("", "pg01", "pg02", "pg03");
        await _lab["pg02"].SealAsync(ReplayBudget, Token);
        var timeline = await _lab["pg02"].PromoteAsync(Token);
        await _lab["pg03"].FollowAsync(_lab.Address("pg02"), Token);
        await _lab.QueryAsync("pg02", "CREATE TABLE t AS SELECT 1 AS id");
        await _lab.CatchesUpAsync("pg03", "pg02", "SELECT count(*) FROM t");

        await _lab["pg02"].KillAsync(Token);

        // Elections compare it, and the control file says the old one until a restart point or the background writer.
        Assert.Equal(timeline, (await _lab.ProbeUntilAsync("pg03", s => s.State == NodeState.NotStreaming)).Timeline);
        Assert.Equal(timeline, (await _lab["pg03"].SealAsync(ReplayBudget, Token)).Timeline);
    }

    [Fact]
    public async Task A_primary_cannot_be_sealed_and_keeps_its_configuration()
    {
        await _lab.StartAsync("", "pg01");
        var autoConf = Path.Combine(_lab.Options("pg01").DataDirectory, PostgresAutoConfName);
        var before = await File.ReadAllTextAsync(autoConf, Token);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].SealAsync(ReplayBudget, Token));
        Assert.Equal(Reason.PostgresUnavailable, refused.Reason);
        Assert.Equal(before, await File.ReadAllTextAsync(autoConf, Token));
        Assert.False(File.Exists(Path.Combine(_lab.Options("pg01").DataDirectory, LocalPostgresServer.SealedConnectionFile)));
    }

    [Fact]
    public async Task A_kill_leaves_nobody_who_could_still_commit()
    {
        await _lab.StartAsync("", "pg01");
        await _lab.QueryAsync("pg01", "CREATE TABLE t (writer int, id int)");
        var acknowledged = new int[8];
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var writers = Enumerable.Range(0, acknowledged.Length).Select(writer => WriteAsync(writer, acknowledged, stop.Token)).ToList();
        await Fixtures.Poll.UntilAsync("every writer writes", () => acknowledged.All(count => count > 20));
        var began = Stopwatch.GetTimestamp();
        await _lab["pg01"].KillAsync(Token);
        StreamingLab.Write(string.Create(CultureInfo.InvariantCulture, $"killed after {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0.0} ms"));
        Assert.Empty(DataDirectoryProcesses.FindAll(_lab.Options("pg01").DataDirectory));
        Assert.Equal(NodeState.Crashed, (await _lab["pg01"].ProbeAsync(Token)).State);
        await Task.WhenAll(writers);
        await _lab["pg01"].KillAsync(Token);
        await _lab["pg01"].StartAsync(Token);
    }

    [Fact]
    public async Task A_frozen_server_is_killed_all_the_same()
    {
        await _lab.StartAsync("", "pg01");
        foreach (var process in DataDirectoryProcesses.FindAll(_lab.Options("pg01").DataDirectory))
        {
            process.Signal(UnixSignal.Stop);
        }

        await _lab["pg01"].KillAsync(Token);
        Assert.Empty(DataDirectoryProcesses.FindAll(_lab.Options("pg01").DataDirectory));
    }

    private const string PostgresAutoConfName = "postgresql.auto.conf";

    /// <summary>Commits until the server says no more or the test has seen enough; a commit is counted when it was acknowledged.</summary>
    private async Task WriteAsync(int writer, int[] acknowledged, CancellationToken enough)
    {
        try
        {
            await using var connection = await _lab.ConnectAsync("pg01");
            while (!enough.IsCancellationRequested)
            {
                await using var command = new NpgsqlCommand($"INSERT INTO t VALUES ({writer}, {acknowledged[writer]})", connection);
                await command.ExecuteNonQueryAsync(CancellationToken.None);
                Interlocked.Increment(ref acknowledged[writer]);
            }
        }
        catch (NpgsqlException)
        {
            // Its server was killed.
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : 0;
}
