using System.Xml.Linq;
using PgCluster.Engine.Pacemaker;
using PgCluster.Playground;
using PgCluster.Playground.Pacemaker;

namespace PgCluster.Tests.Unit.Playground;

public sealed class PacemakerFilesTests
{
    private static readonly PacemakerPaths Paths = new(new PlaygroundPaths("/var/tmp/demo"));

    private static readonly PlaygroundState State = new()
    {
        Id = "0",
        Name = "demo",
        BootId = "",
        UserId = 1,
        CreatedAt = DateTimeOffset.UnixEpoch,
        Manager = ClusterManager.Pacemaker,
        Synchronous = true,
        Etcd = [],
        Servers = [new("pg01", 5432, 7432, 8432) { Host = "198.18.0.11" }, new("pg02", 5432, 7432, 8432) { Host = "198.18.0.12" }, new("pg03", 5432, 7432, 8432) { Host = "198.18.0.13" }],
        Poolers = [],
    };

    [Fact]
    public void The_first_information_base_is_one_that_is_understood()
    {
        var cib = Cib.Parse(PacemakerFiles.Cib(State, Paths, "/usr/lib/postgresql/15/bin"));
        Assert.Equal(new PgsqlResource("Postgresql", "msPostgresql", "/var/tmp/demo/this-host/tmp", Paths.DataDirectory), Assert.Single(cib.Servers));
        Assert.Equal(Paths.LockFile, cib.Servers[0].TemporaryDirectory + "/PGSQL.lock");
        Assert.Equal([("1", "pg01", "LATEST"), ("2", "pg02", "DISCONNECT"), ("3", "pg03", "DISCONNECT")], cib.Nodes.Select(n => (n.Id, n.Name, n.Attributes["Postgresql-data-status"])));
        Assert.False(cib.Fences);
        Assert.False(cib.InMaintenance);
        Assert.Empty(cib.Moves);
    }

    [Fact]
    public void Ids_are_unique_and_standbys_find_the_primary_among_all()
    {
        var document = XDocument.Parse(PacemakerFiles.Cib(State, Paths, "/usr/lib/postgresql/15/bin"));
        var ids = document.Descendants().Where(e => e.Name.LocalName != "node").Select(e => (string?)e.Attribute("id")).OfType<string>().ToList();
        Assert.Equal(ids.Distinct(), ids);
        var pairs = document.Descendants("primitive").Single().Element("instance_attributes")!.Elements().ToDictionary(e => (string)e.Attribute("name")!, e => (string)e.Attribute("value")!);
        Assert.Equal("198.18.0.11,198.18.0.12,198.18.0.13", pairs["master_ip"]);
        Assert.StartsWith("target_session_attrs=primary ", pairs["primary_conninfo_opt"], StringComparison.Ordinal);
        Assert.Equal("pg01 pg02 pg03", pairs["node_list"]);
        Assert.Equal("/usr/lib/postgresql/15/bin/psql", pairs["psql"]);
    }

    [Fact]
    public void Corosync_knows_every_node_by_its_name_and_address()
    {
        var text = PacemakerFiles.Corosync(State);
        Assert.Contains("    cluster_name: demo\n", text, StringComparison.Ordinal);
        Assert.Contains("        name: pg02\n        nodeid: 2\n        ring0_addr: 198.18.0.12\n", text, StringComparison.Ordinal);
        Assert.Equal(3, text.Split("ring0_addr").Length - 1);
    }

    [Fact]
    public void The_resource_agent_keeps_the_list_of_synchronous_standbys() => Assert.Equal("", PlaygroundFiles.SynchronousStandbys(State, "pg01"));

    [Theory]
    [InlineData("a:x:1:\nhaclient:x:107:\nb:x:2:c\n", "a:x:1:\nhaclient:x:107:postgres\nb:x:2:c\n")]
    [InlineData("haclient:x:107:one\n", "haclient:x:107:one,postgres\n")]
    [InlineData("haclient:x:107:one,postgres,two\n", "haclient:x:107:one,postgres,two\n")]
    [InlineData("haclients:x:1:\n", "haclients:x:1:\n")]
    public void The_servers_user_may_ask_Pacemaker(string groups, string expected) => Assert.Equal(expected, PacemakerFiles.WithMember(groups, "haclient", "postgres"));

    [Fact]
    public void The_resource_agents_functions_are_repaired_where_they_have_the_defect()
    {
        Assert.Equal(
            "\t\t${HA_SBIN_DIR}/crm_attribute -p \"$OCF_RESOURCE_INSTANCE\" \"$@\"\n",
            OcfFunctions.Repair("\t\t${HA_SBIN_DIR}/crm_attribute -p $@\n"));
        Assert.Null(OcfFunctions.Repair("\t\t${HA_SBIN_DIR}/crm_attribute -p ${OCF_RESOURCE_INSTANCE} $@\n"));
    }

    [Fact]
    public void The_state_file_says_what_manages_and_one_without_a_word_is_native()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(directory.FullName, PlaygroundState.FileName);
            File.WriteAllText(file, State.ToJson());
            Assert.Equal(ClusterManager.Pacemaker, PlaygroundState.TryRead(directory.FullName)!.Manager);
            Assert.Equal("198.18.0.12", PlaygroundState.TryRead(directory.FullName)!.Servers[1].Host);
            File.WriteAllText(file, State.ToJson().Replace("\"manager\": \"Pacemaker\",", "", StringComparison.Ordinal));
            Assert.Equal(ClusterManager.Native, PlaygroundState.TryRead(directory.FullName)!.Manager);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
