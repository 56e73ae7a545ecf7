using System.Text.Json.Nodes;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class ProbeQueryTests
{
    private const string Primary = """
        {"recovery": false, "version": "15.18 (Debian 15.18-0+deb12u1)", "system": "7301234567890123456",
         "walfile": "0000000C0000000100000002", "written": "1/2000028", "timeline": null, "received": null, "replayed": null,
         "replay_age": null, "paused": false, "apply_delay": 0, "upstream_slot": "pgcluster_pg02", "sync_names": "FIRST 1 (pg02)", "receiver": null,
         "standbys": [{"name": "pg02", "state": "streaming", "sync": "sync", "sent": "1/2000028", "flush": "1/2000028", "replay": "1/2000000"},
                      {"name": "pg03", "state": "backup", "sync": "async", "sent": null, "flush": null, "replay": null}],
         "slots": [{"name": "feed", "logical": true, "active": false, "restart": "1/1000028", "synced": true}], "settings": {"slot_keep": -1,
           "limits": {"max_connections": "100", "max_wal_senders": "10"}, "pending": [{"name": "max_connections", "value": "100"}, {"name": "shared_buffers", "value": "16384"}]},
         "archiving": {"waiting": 3, "failing": true}}
        """;

    private const string Standby = """
        {"recovery": true, "version": "16.2", "system": "1", "walfile": null, "written": null, "timeline": 2,
         "received": "0/3000060", "replayed": "0/3000000", "replay_age": 1.25, "paused": true, "apply_delay": 5000,
         "upstream_slot": "pgcluster_pg02", "sync_names": "", "receiver": {"status": "streaming", "timeline": 3, "host": "10.0.0.1", "port": 5433},
         "standbys": null, "slots": null, "settings": {"slot_keep": 1024, "limits": {}, "pending": null}, "archiving": null}
        """;

    [Fact]
    public void A_primary_with_everything()
    {
        var status = ProbeQuery.Parse(Primary, 77);
        Assert.Equal((NodeState.Running, NodeRole.Primary, 77, 12), (status.State, status.Role, status.PostmasterPid, status.Timeline));
        Assert.Equal(("15.18", "7301234567890123456", "FIRST 1 (pg02)"), (status.ServerVersion, status.SystemIdentifier, status.SynchronousStandbyNames));
        Assert.Equal(Lsn.Parse("1/2000028"), status.Lsn);
        Assert.Equal(
            [
                new ReplicationPeer("pg02", "streaming", SyncState.Sync, Lsn.Parse("1/2000028"), Lsn.Parse("1/2000028"), Lsn.Parse("1/2000000")),
                new ReplicationPeer("pg03", "backup", SyncState.Async, null, null, null),
            ],
            status.Standbys);
        Assert.Equal([new ReplicationSlot("feed", true, false, true) { RestartLsn = Lsn.Parse("1/1000028") }], status.Slots);
        Assert.Equal(-1, status.SlotWalKeepMegabytes);
        Assert.Equal([("max_connections", 100L), ("max_wal_senders", 10L)], status.HotStandbyLimits.Select(l => (l.Key, l.Value)));
        Assert.Equal([new PendingSetting("max_connections", "100", null), new PendingSetting("shared_buffers", "16384", null)], status.PendingSettings);
        Assert.Equal((3, true), (status.ArchiveBacklog, status.ArchiverFailing));
        Assert.Null(status.ReplayLagSeconds);
        Assert.Null(status.ReplayLsn);
    }

    [Fact]
    public void What_waits_for_a_restart_is_named_with_what_it_will_be()
    {
        var status = ProbeQuery.WithPending(ProbeQuery.Parse(Primary, 77), """{"max_connections": "200"}""");

        Assert.Equal([new PendingSetting("max_connections", "100", "200"), new PendingSetting("shared_buffers", "16384", null)], status.PendingSettings);
        Assert.Null(Assert.Single(ProbeQuery.WithPending(status with { PendingSettings = [new("port", "5432", null)] }, null).PendingSettings).NewValue);
    }

    [Fact]
    public void A_standby_that_streams()
    {
        var status = ProbeQuery.Parse(Standby, 1);
        Assert.Equal((NodeState.Running, NodeRole.Standby, 3), (status.State, status.Role, status.Timeline));
        Assert.Equal("10.0.0.1:5433", status.UpstreamAddress);
        Assert.Equal((Lsn.Parse("0/3000060"), Lsn.Parse("0/3000000")), (status.Lsn, status.ReplayLsn));
        Assert.Equal((1.25, true, 5000), (status.ReplayLagSeconds, status.ReplayPaused, status.ApplyDelayMs));
        Assert.Empty(status.Standbys);
        Assert.Empty(status.Slots);
        Assert.Equal(1024, status.SlotWalKeepMegabytes);
    }

    [Theory]
    [InlineData("0/3000060", "0/3000060", 0.0)] // caught up: the age of the last commit says nothing
    [InlineData("0/3000000", "0/3000060", 0.0)] // a restarted receiver begins at the start of a segment
    [InlineData(null, "0/3000060", 0.0)]
    [InlineData("0/3000060", "0/3000000", 1.25)]
    public void Lag_counts_only_while_something_is_outstanding(string? received, string replayed, double lag)
    {
        var status = ProbeQuery.Parse(Change(("received", received), ("replayed", replayed)), 1);
        Assert.Equal(lag, status.ReplayLagSeconds);
    }

    [Fact]
    public void Outstanding_WAL_with_no_commit_replayed_yet_has_no_known_age() =>
        Assert.Null(ProbeQuery.Parse(Change(("replay_age", null)), 1).ReplayLagSeconds);

    [Theory]
    [InlineData(null)]
    [InlineData("starting")]
    [InlineData("waiting")]
    public void A_standby_that_does_not_stream(string? receiver)
    {
        var node = JsonNode.Parse(Standby)!.AsObject();
        node["receiver"] = receiver is null ? null : new JsonObject { ["status"] = receiver, ["timeline"] = 3, ["host"] = "h", ["port"] = 1 };
        node["received"] = node["replayed"]!.DeepClone();
        var status = ProbeQuery.Parse(node.ToJsonString(), 1);
        Assert.Equal((NodeState.NotStreaming, NodeRole.Standby, 2, null, null), (status.State, status.Role, status.Timeline, status.UpstreamAddress, status.ReplayLagSeconds));
        Assert.Contains("does not stream", status.Evidence, StringComparison.Ordinal);
    }

    private static string Change(params (string Name, JsonNode? Value)[] changes)
    {
        var node = JsonNode.Parse(Standby)!.AsObject();
        foreach (var (name, value) in changes)
        {
            node[name] = value;
        }

        return node.ToJsonString();
    }
}
