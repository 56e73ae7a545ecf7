using PgCluster.Engine.Configuration;
using PgCluster.Engine.Membership;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class NewServerOrderTests
{
    private static ClusterConfig Config
    {
        get
        {
            var config = ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;
            return config with
            {
                Postgres = new PostgresConfig { PasswordFile = "/pgpass", ReplicationUser = "repl\"icator" },
                Nodes = [config.Nodes[0] with { Host = "10.0.0.1", Port = 5433 }, config.Nodes[1] with { Host = "pg02.example.com" }],
                Poolers = [Pooler("a", "10.0.0.1"), Pooler("b", "fd00::7"), Pooler("c", "127.0.0.1")],
            };
        }
    }

    [Fact]
    public void Hosts_of_the_configuration_get_in_with_a_password_and_nobody_else() => Assert.Equal(
        [
            "local all all peer",
            "host all all 127.0.0.1/32 scram-sha-256",
            "host all all ::1/128 scram-sha-256",
            "host all all 10.0.0.1/32 scram-sha-256",
            "host all all pg02.example.com scram-sha-256",
            "host all all fd00::7/128 scram-sha-256",
            "host replication \"repl\"\"icator\" 127.0.0.1/32 scram-sha-256",
            "host replication \"repl\"\"icator\" ::1/128 scram-sha-256",
            "host replication \"repl\"\"icator\" 10.0.0.1/32 scram-sha-256",
            "host replication \"repl\"\"icator\" pg02.example.com scram-sha-256",
        ],
        NewServerAccess.Of(Config));

    [Fact]
    public void Without_passwords_nobody_is_asked_for_one() =>
        Assert.All(NewServerAccess.Of(Config with { Postgres = new PostgresConfig() }), line => Assert.EndsWith(" trust", line, StringComparison.Ordinal));

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.9.9.9", true)]
    [InlineData("::1", true)]
    [InlineData("localhost", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("pg01", false)]
    public void Loopback_is_known(string host, bool isLoopback) => Assert.Equal(isLoopback, NewServerAccess.IsLoopback(host));

    [Theory]
    [InlineData("10.0.0.1", 2, "listen_addresses = '*'", "max_wal_senders = 10")]
    [InlineData("127.0.0.2", 2, "listen_addresses = '127.0.0.2'", "max_replication_slots = 10")]
    [InlineData("10.0.0.1", 9, "max_wal_senders = 13", "max_replication_slots = 13")]
    public void Settings_are_what_streaming_needs(string host, int nodes, string one, string other)
    {
        var config = Config with { Nodes = [.. Enumerable.Range(0, nodes).Select(i => Config.Nodes[0] with { Name = $"pg{i}", Host = host })] };
        var order = NewServerOrder.For(config, config.Nodes[0], "id", "C", "UTF8");

        Assert.Equal(("id", "C", "UTF8"), (order.Operation, order.Locale, order.Encoding));
        Assert.Equal(NewServerAccess.Of(config), order.Access);
        Assert.Contains(one, order.Settings);
        Assert.Contains(other, order.Settings);
        Assert.Superset(new HashSet<string> { "port = 5433", "wal_level = replica", "hot_standby = on", "wal_log_hints = on" }, order.Settings.ToHashSet());
    }

    private static PoolerConfig Pooler(string name, string host) => new() { Name = name, Host = host, Keeper = new HostPort(host, 1) };
}
