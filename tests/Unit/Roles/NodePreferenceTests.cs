using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class NodePreferenceTests
{
    private static readonly NodeMerits Plain = new("pg05", "a", 0);

    // Every row: the first goes before the second whatever all later criteria say, and with the reason given.
    public static TheoryData<string, NodeMerits, NodeMerits, string> InPlace => new()
    {
        { "timeline", Plain with { Timeline = 2 }, Better with { Timeline = 1 }, "more WAL" },
        { "received", Plain with { Received = new Lsn(2) }, Better with { Received = new Lsn(1) }, "more WAL" },
        { "whom commits wait for", Plain with { SyncState = SyncState.Quorum }, Better with { SyncState = SyncState.Potential, Received = default }, "is Quorum and it is Potential" },
        { "weight", Plain with { Weight = 1 }, Plain with { Name = "pg01", FailureDomain = "b", LagBytes = 0, Streams = true }, "weight 1 and it has 0" },
        { "another domain", Plain with { FailureDomain = "b" }, Plain with { Name = "pg01", LagBytes = 0, Streams = true }, "another failure domain than a" },
        { "lag", Plain with { LagBytes = 5 }, Plain with { Name = "pg01", LagBytes = 6, Streams = true }, "less to replay" },
        { "unknown lag", Plain with { LagBytes = 5 }, Plain with { Name = "pg01" }, "less to replay" },
        { "streaming", Plain with { Streams = true }, Plain with { Name = "pg01" }, "streams already" },
        { "name", Plain, Plain with { Name = "pg06" }, "by name" },
    };

    /// <summary>Ahead in everything that comes after WAL.</summary>
    private static NodeMerits Better => new("pg01", "b", 9) { SyncState = SyncState.Sync, LagBytes = 0, Streams = true };

    [Theory]
    [MemberData(nameof(InPlace))]
    public void One_criterion_decides_before_the_next(string what, NodeMerits first, NodeMerits second, string why)
    {
        var preference = NodePreference.InPlaceOf("a");

        Assert.True(preference.Compare(first, second) < 0, what);
        Assert.True(preference.Compare(second, first) > 0, what);
        Assert.Contains(why, preference.Why(first, second), StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_set_a_domain_that_is_not_covered_goes_before_weight()
    {
        var heavy = Plain with { Weight = 9 };
        var elsewhere = Plain with { Name = "pg06", FailureDomain = "b" };

        Assert.True(NodePreference.Spreading("a").Compare(elsewhere, heavy) < 0);
        Assert.True(NodePreference.InPlaceOf("a").Compare(heavy, elsewhere) < 0);
        Assert.True(NodePreference.Spreading("a", "b").Compare(heavy, elsewhere) < 0);
        Assert.True(NodePreference.Spreading().Compare(heavy, elsewhere) < 0);
    }

    [Fact]
    public void A_node_without_a_domain_shares_none()
    {
        Assert.True(NodePreference.Spreading("", "a").IsElsewhere(""));
        Assert.True(NodePreference.InPlaceOf("").IsElsewhere(""));
        Assert.False(NodePreference.Spreading("", "a").IsElsewhere("a"));
    }
}
