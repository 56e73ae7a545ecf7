using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Tests.Unit.Pacemaker;

public sealed class PacemakerRolesTests
{
    // Each server by the letters of its role: P primary, S synchronous, A asynchronous, N a standby that does not stream, - stopped, x away.
    [Theory]
    [InlineData("healthy", "SPA")]
    [InlineData("healthy-again", "APS")]
    [InlineData("migration-00", "SPA")]
    // It is being demoted, and its status says primary until it is stopped.
    [InlineData("migration-02", "SPA")]
    // Nobody: the old one is stopped and its data-status still says LATEST, then the next one says it before its promotion.
    [InlineData("migration-03", "N-A")]
    [InlineData("migration-07", "N-N")]
    [InlineData("migration-08", "P-N")]
    [InlineData("migrated-with-constraint", "P-S")]
    [InlineData("migrated-unmigrated", "P-S")]
    [InlineData("primary-cut-majority-side", "xNP")]
    [InlineData("primary-cut-healed", "NSP")]
    // Its host is gone, and LATEST is still what stands of it.
    [InlineData("primary-host-off-just-noticed", "ASx")]
    [InlineData("primary-host-off-settled", "APx")]
    [InlineData("primary-postmaster-killed", "P-A")]
    [InlineData("sync-host-off-just-noticed", "xPA")]
    [InlineData("sync-host-off-settled", "xPS")]
    [InlineData("sync-node-in-standby", "SP-")]
    public void PG_14_roles_are_those_of_the_servers_that_run(string recorded, string roles)
    {
        var read = PacemakerRoles.Of(RecordedCib.Parse(recorded));

        Assert.Equal(roles, string.Concat(read.Servers.Select(Letter)));
        Assert.Equal(["pg01", "pg02", "pg03"], read.Servers.Select(s => s.Node.Name));
        Assert.Equal(NameOf(read, 'P'), read.Primary?.Node.Name);
        Assert.Equal(NameOf(read, 'S'), read.Synchronous?.Node.Name);
    }

    [Fact]
    public void PG_15_without_quorum_nobody_is_believed()
    {
        var refused = Assert.Throws<PgClusterException>(() => PacemakerRoles.Of(RecordedCib.Parse("primary-cut-minority-side")));

        Assert.Equal(Reason.NoQuorum, refused.Reason);
    }

    [Fact]
    public void PG_16_a_role_that_nobody_has_is_no_error()
    {
        var roles = PacemakerRoles.Of(RecordedCib.Parse("sync-node-in-standby"));

        Assert.DoesNotContain(roles.Servers, s => s.SyncState is SyncState.Async or SyncState.Potential);
        Assert.Null(PacemakerRoles.Of(RecordedCib.Parse("sync-host-off-just-noticed")).Synchronous);
        Assert.Null(PacemakerRoles.Of(RecordedCib.Parse("migration-03")).Primary);
    }

    [Fact]
    public void A_standby_that_may_become_synchronous_is_potential()
    {
        var roles = PacemakerRoles.Of(Cib.Parse(RecordedCib.Read("healthy").Replace("HS:async", "HS:potential", StringComparison.Ordinal)));

        Assert.Equal(SyncState.Potential, roles.Servers[2].SyncState);
    }

    [Fact]
    public void Two_primaries_are_said()
    {
        var refused = Assert.Throws<PgClusterException>(() => PacemakerRoles.Of(Cib.Parse(RecordedCib.Read("healthy").Replace("HS:sync", "PRI", StringComparison.Ordinal))));

        Assert.Equal(Reason.SplitBrain, refused.Reason);
        Assert.Contains("pg01 and pg02", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Postgresql")]
    [InlineData("msPostgresql")]
    public void The_resource_is_found_by_itself_by_its_name_and_by_that_of_its_clone(string name) =>
        Assert.Equal(new PgsqlResource("Postgresql", "msPostgresql", "/var/lib/postgresql/tmp", "/var/lib/postgresql/main"), PacemakerRoles.Of(RecordedCib.Parse("healthy"), new PacemakerConfig { Resource = name }).Resource);

    [Fact]
    public void A_resource_that_is_not_there_or_cannot_be_promoted_is_refused()
    {
        var healthy = RecordedCib.Read("healthy");
        var plain = healthy.Replace("<master id", "<clone id", StringComparison.Ordinal).Replace("</master>", "</clone>", StringComparison.Ordinal);

        Assert.Contains("of that agent there is Postgresql", Refusal(healthy, "pgsql"), StringComparison.Ordinal);
        Assert.Contains("there is none", Refusal(healthy.Replace("type=\"pgsql\"", "type=\"pgsqlms\"", StringComparison.Ordinal), ""), StringComparison.Ordinal);
        Assert.Contains("promotable=true", Refusal(plain, ""), StringComparison.Ordinal);
        Assert.Equal(
            "msPostgresql",
            PacemakerRoles.Of(Cib.Parse(plain.Replace("name=\"clone-node-max\" value=\"1\"", "name=\"promotable\" value=\"true\"", StringComparison.Ordinal))).Resource.Group);

        static string Refusal(string xml, string resource)
        {
            var refused = Assert.Throws<PgClusterException>(() => PacemakerRoles.Of(Cib.Parse(xml), new PacemakerConfig { Resource = resource }));
            Assert.Equal(Reason.InvalidConfiguration, refused.Reason);
            return refused.Message;
        }
    }

    private static char Letter(PacemakerServer server) => server switch
    {
        { State: NodeState.Unreachable } => 'x',
        { Role: NodeRole.Primary } => 'P',
        { SyncState: SyncState.Sync } => 'S',
        { SyncState: SyncState.Async } => 'A',
        { State: NodeState.NotStreaming } => 'N',
        { State: NodeState.Stopped } => '-',
        _ => '?',
    };

    private static string? NameOf(PacemakerRoles roles, char letter) => roles.Servers.FirstOrDefault(s => Letter(s) == letter)?.Node.Name;

    [Fact]
    public void A_selector_of_the_operator_s_says_who_is_who_of_the_nodes_that_are_online()
    {
        // As pgsql-cluster-manager looks for it: a value that outlives its node.
        var latest = new PacemakerConfig { PrimaryXpath = "/cib/configuration/nodes/node[instance_attributes/nvpair[@value='LATEST']]" };
        var streaming = new PacemakerConfig { SynchronousXpath = "/cib/configuration/nodes/node[instance_attributes/nvpair[@value='STREAMING|SYNC']]" };

        Assert.Equal(PacemakerRoles.Of(RecordedCib.Parse("healthy")).Primary!.Node.Name, PacemakerRoles.Of(RecordedCib.Parse("healthy"), latest).Primary!.Node.Name);
        Assert.Equal(PacemakerRoles.Of(RecordedCib.Parse("healthy")).Synchronous!.Node.Name, PacemakerRoles.Of(RecordedCib.Parse("healthy"), streaming).Synchronous!.Node.Name);
        Assert.Null(PacemakerRoles.Of(RecordedCib.Parse("primary-host-off-just-noticed"), latest).Primary);
        Assert.Null(PacemakerRoles.Of(RecordedCib.Parse("healthy"), new PacemakerConfig { PrimaryXpath = "//node[@uname='pg09']" }).Primary);
    }
}
