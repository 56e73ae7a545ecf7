using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

public sealed class CibTests
{
    [Fact]
    public void What_the_options_say()
    {
        var cib = RecordedCib.Parse("healthy");
        var changed = RecordedCib.Read("healthy").Replace("name=\"stonith-enabled\" value=\"false\"", "name=\"maintenance-mode\" value=\"True\"", StringComparison.Ordinal);

        Assert.Equal((true, false, false), (cib.HasQuorum, cib.InMaintenance, cib.Fences));

        // A cluster fences unless it says that it does not.
        Assert.Equal((true, true), (Cib.Parse(changed).InMaintenance, Cib.Parse(changed).Fences));
        Assert.False(RecordedCib.Parse("primary-cut-minority-side").HasQuorum);
    }

    [Fact]
    public void A_constraint_that_a_move_left_behind_is_found()
    {
        Assert.Equal([new CibConstraint("cli-prefer-msPostgresql", "msPostgresql")], RecordedCib.Parse("migrated-with-constraint").Moves);
        Assert.Empty(RecordedCib.Parse("migrated-unmigrated").Moves);
    }

    [Fact]
    public void Nodes_have_their_id_their_standby_and_whether_they_are_there()
    {
        var nodes = RecordedCib.Parse("sync-node-in-standby").Nodes;

        Assert.Equal([("1", "pg01", true, false), ("2", "pg02", true, false), ("3", "pg03", true, true)], nodes.Select(n => (n.Id, n.Name, n.IsOnline, n.InStandby)));
        Assert.Equal([false, true, true], RecordedCib.Parse("primary-cut-majority-side").Nodes.Select(n => n.IsOnline));
    }

    [Theory]
    [InlineData("1795213005", "1795213006", true)]
    [InlineData("1795213005", "0", false)]
    [InlineData("0", "0", false)]
    public void Later_versions_say_since_when_a_node_is_there(string member, string controller, bool isOnline)
    {
        var xml = RecordedCib.Read("healthy").Replace("in_ccm=\"true\" crmd=\"online\"", $"in_ccm=\"{member}\" crmd=\"{controller}\"", StringComparison.Ordinal);

        Assert.All(Cib.Parse(xml).Nodes, n => Assert.Equal(isOnline, n.IsOnline));
    }

    [Fact]
    public void Failures_are_counted_by_what_was_done()
    {
        var servers = PacemakerRoles.Of(RecordedCib.Parse("primary-postmaster-killed")).Servers;

        Assert.Equal(new Dictionary<string, int> { ["monitor"] = 1, ["start"] = int.MaxValue }, servers[1].Failures);
        Assert.Empty(servers[0].Failures);
        Assert.Equal("STOP, DISCONNECT", servers[1].Evidence);
    }

    [Theory]
    [InlineData("", "Root element is missing")]
    [InlineData("Could not connect to the CIB", "Data at the root level is invalid")]
    [InlineData("<crm_mon version=\"2.1.5\"/>", "its document is a <crm_mon>")]
    public void Anything_else_is_refused_with_what_it_is(string text, string why)
    {
        var refused = Assert.Throws<PgClusterException>(() => Cib.Parse(text));

        Assert.Equal(Reason.NotSupportedHere, refused.Reason);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }
}
