using PgCluster.Engine.Election;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Election;

public sealed class ElectionTurnTests
{
    [Theory]
    [InlineData("pg02", "pg02:Sync,pg03:Potential", 0)]
    [InlineData("pg03", "pg02:Sync,pg03:Potential", 250)]
    [InlineData("pg03", "pg02:Sync,pg03:Sync", 0)]
    [InlineData("pg04", "pg02:Sync,pg03:Sync,pg04:Async", 250)]
    [InlineData("pg03", "pg02:Quorum,pg03:Quorum", 0)]
    [InlineData("pg03", "pg02:Async,pg03:Async", 0)]
    [InlineData("pg03", "", 0)]
    public void Whoever_commits_waited_for_by_name_goes_first(string self, string standbys, int waitMs) => Assert.Equal(
        TimeSpan.FromMilliseconds(waitMs),
        ElectionTurn.WaitOf(self, new PostgresStatus
        {
            State = NodeState.Running,
            Role = NodeRole.Primary,
            Standbys = [.. standbys.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(s => s.Split(':')).Select(s => new ReplicationPeer(s[0], "streaming", Enum.Parse<SyncState>(s[1]), null, null, null))],
        }));

    [Fact]
    public void A_node_that_has_not_seen_the_leader_waits_for_nobody() => Assert.Equal(TimeSpan.Zero, ElectionTurn.WaitOf("pg03", null));
}
