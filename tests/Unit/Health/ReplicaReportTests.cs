using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

/// <summary>
/// PR-41, the rows of table A1 as a cluster has them: a storage is a node, its generation the position it has replayed, -1 nothing known; u is a node that no configuration
/// names, of which only the position is known. A replica that is a valid primary in the table is a node that may serve a read of the newest position there is. What does not
/// map: row 8 (nothing of a cluster is deleted while its nodes stay), and the columns "assigned" and "partially available" (every node has all data; who may be promoted is the
/// election's to say).
/// </summary>
public sealed class ReplicaReportTests
{
    [Theory]
    [InlineData(1, 0, 0, null, "", "ps")]
    [InlineData(2, 1, 1, 0, "", "ps")]
    [InlineData(3, 0, 0, 1, "", "")]
    [InlineData(4, 0, -1, null, "", "p")]
    [InlineData(5, 1, 0, null, "", "p")]
    [InlineData(6, 10, -1, null, "", "p")]
    [InlineData(7, 10, 0, null, "", "p")]
    [InlineData(9, 0, -1, null, "", "p")]
    [InlineData(10, 1, 0, null, "", "p")]
    [InlineData(11, 0, -1, null, "", "p")]
    [InlineData(12, 1, 0, null, "", "p")]
    [InlineData(13, 0, 1, null, "", "s")]
    [InlineData(14, -1, 0, null, "", "s")]
    [InlineData(15, -1, -1, 0, "", "")]
    [InlineData(16, 1, -1, null, "", "p")]
    [InlineData(17, 1, -1, 0, "", "p")]
    [InlineData(18, -1, -1, 0, "", "")]
    [InlineData(19, 0, 0, null, "ps", "")]
    [InlineData(20, 0, 0, null, "p", "s")]
    [InlineData(21, 0, 0, null, "s", "p")]
    [InlineData(22, 0, 0, null, "s", "p")]
    public void PR41_A1_Who_is_healthy_and_has_the_newest_may_serve(int row, int p, int s, int? unconfigured, string unhealthy, string valid)
    {
        var newest = Position(new[] { p, s, unconfigured ?? -1 }.Max())!.Value;
        ReadCandidate[] nodes = [Node("p", p), Node("s", s)];
        var request = new ReadRequest { PastLsn = newest };

        if (valid.Length == 0)
        {
            Assert.Equal((row, Reason.NoSuitableNode), (row, Assert.Throws<PgClusterException>(() => ReadRouter.Choose("c", nodes, request, _ => 0)).Reason));
        }
        else
        {
            var chosen = ReadRouter.Choose("c", nodes, request, _ => 0);
            Assert.Equal((row, valid), (row, string.Concat(chosen.Considered.Where(c => c.Suitable).Select(c => c.Node))));
            Assert.Equal(valid[..1], chosen.Name);
        }

        ReadCandidate Node(string name, int generation) => new(
            new ClusterNode { Cluster = "c", Name = name, Host = "h", Port = 1, Role = NodeRole.Standby, State = NodeState.Running, ReplayLsn = Position(generation)?.ToString() },
            unhealthy.Contains(name, StringComparison.Ordinal) ? HealthState.Unhealthy : HealthState.Healthy,
            false,
            "seen");
    }

    private static Lsn? Position(int generation) => generation < 0 ? null : new Lsn((ulong)generation + 1);
}
