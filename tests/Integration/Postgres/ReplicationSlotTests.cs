using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Integration.Postgres;

public sealed class ReplicationSlotTests : IAsyncDisposable
{
    private readonly StreamingLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_slot_keeps_WAL_for_a_standby_that_is_away_and_without_it_the_standby_is_lost()
    {
        await _lab.StartAsync("wal_keep_size = 0\nmin_wal_size = 32MB\nmax_wal_size = 32MB", "pg01", "pg02", "pg03");
        await _lab["pg01"].EnsureSlotsAsync(["pg02"], Token);
        await _lab["pg02"].FollowAsync(_lab.Address("pg01", SlotName.Of("pg02")), Token);
        await _lab.ProbeUntilAsync("pg01", s => s.Slots.Any(slot => slot is { Name: "pgcluster_pg02", Active: true }));
        await _lab.StreamsAsync("pg02");
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        await _lab["pg03"].StopAsync(ShutdownMode.Fast, Token);

        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT 1 AS id");
        for (var i = 0; i < 4; i++)
        {
            await _lab.QueryAsync("pg01", "SELECT pg_switch_wal()");
            await _lab.QueryAsync("pg01", $"INSERT INTO t VALUES ({i})");
            await _lab["pg01"].CheckpointAsync(Token);
        }

        await _lab["pg02"].StartAsync(Token);
        await _lab.CatchesUpAsync("pg02", "pg01", "SELECT sum(id) FROM t");

        // The same absence without a slot: what it would need next is gone.
        await _lab["pg02"].StopAsync(ShutdownMode.Fast, Token);
        await _lab["pg01"].EnsureSlotsAsync([], Token);
        for (var i = 0; i < 3; i++)
        {
            await _lab.QueryAsync("pg01", "SELECT pg_switch_wal()");
            await _lab.QueryAsync("pg01", $"INSERT INTO t VALUES ({i})");
            await _lab["pg01"].CheckpointAsync(Token);
        }

        await _lab["pg02"].FollowAsync(_lab.Address("pg01", slot: ""), Token);
        await Fixtures.Poll.UntilAsync("the standby asks for WAL that is gone", async () =>
        {
            await _lab["pg02"].ProbeAsync(Token);
            return (await File.ReadAllTextAsync(_lab.Options("pg02").LogFile, Token)).Contains("has already been removed", StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Slots_are_made_kept_and_dropped_with_the_nodes_and_others_are_left_alone()
    {
        await _lab.StartAsync("", "pg01", "pg02");
        await _lab.QueryAsync("pg01", "SELECT pg_create_physical_replication_slot('of_an_operator')");
        foreach (var name in new[] { "pg01", "pg02" })
        {
            await _lab[name].EnsureSlotsAsync(["pg-03", "pg04"], Token);
            await _lab[name].EnsureSlotsAsync(["pg04", "PG05"], Token);
            await _lab[name].EnsureSlotsAsync(["pg04", "PG05"], Token);
            Assert.Equal(
                name == "pg01" ? "of_an_operator pgcluster_pg04 pgcluster_pg05" : "pgcluster_pg04 pgcluster_pg05",
                await _lab.QueryAsync(name, "SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots"));
            Assert.All((await _lab[name].ProbeAsync(Token)).Slots.Where(slot => slot.Name != "of_an_operator"), slot => Assert.NotNull(slot.RestartLsn));
        }

        var same = await Assert.ThrowsAsync<PgClusterException>(() => _lab["pg01"].EnsureSlotsAsync(["pg-1", "pg_1"], Token));
        Assert.Equal(Reason.InvalidArgument, same.Reason);

        // One that is in use is not dropped under its standby.
        await _lab["pg01"].EnsureSlotsAsync(["pg02"], Token);
        await _lab["pg02"].FollowAsync(_lab.Address("pg01", SlotName.Of("pg02")), Token);
        await _lab.ProbeUntilAsync("pg01", s => s.Slots.Any(slot => slot is { Name: "pgcluster_pg02", Active: true }));
        await _lab["pg01"].EnsureSlotsAsync([], Token);
        Assert.Contains((await _lab["pg01"].ProbeAsync(Token)).Slots, slot => slot.Name == "pgcluster_pg02");
    }

    [Fact]
    public async Task The_slots_of_a_standby_move_with_those_of_its_primary()
    {
        await _lab.StartAsync("", "pg01", "pg02", "pg03");
        await _lab["pg01"].EnsureSlotsAsync(["pg02", "pg03"], Token);
        await _lab["pg02"].EnsureSlotsAsync(["pg01", "pg03"], Token);
        await _lab["pg03"].FollowAsync(_lab.Address("pg01", SlotName.Of("pg03")), Token);
        await _lab.QueryAsync("pg01", "SELECT pg_switch_wal()");
        await _lab.QueryAsync("pg01", "CREATE TABLE t AS SELECT 1 AS id");
        await _lab["pg01"].CheckpointAsync(Token);
        var flushed = Lsn.Parse((await _lab.QueryAsync("pg01", "SELECT pg_current_wal_flush_lsn()::text"))!);
        var primary = await _lab.ProbeUntilAsync("pg01", s => s.Slots.Any(slot => slot.Name == "pgcluster_pg03" && slot.RestartLsn >= flushed));
        await _lab.ProbeUntilAsync("pg02", s => s.ReplayLsn >= flushed);
        await _lab["pg02"].CheckpointAsync(Token);

        await _lab["pg02"].AdvanceSlotsAsync(primary.Slots, Token);

        var slots = (await _lab["pg02"].ProbeAsync(Token)).Slots.ToDictionary(slot => slot.Name, slot => slot.RestartLsn);
        Assert.Equal(primary.Slots.Single(slot => slot.Name == "pgcluster_pg03").RestartLsn, slots["pgcluster_pg03"]);

        // The primary has none for itself: what it would need, this server keeps for its own restart anyway.
        Assert.Equal(await _lab.QueryAsync("pg02", "SELECT redo_lsn FROM pg_control_checkpoint()"), slots["pgcluster_pg01"].ToString());
        await _lab["pg02"].AdvanceSlotsAsync(primary.Slots, Token);
        await _lab["pg01"].AdvanceSlotsAsync(primary.Slots, Token);
    }
}
