using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class BudgetRulesTests
{
    static readonly ClusterConfig Standard = new() { Name = "demo" };

    [Fact]
    public void The_defaults_nest() => Assert.Empty(BudgetRules.Check(Standard));

    /// <summary>For each rule the last value that holds and the first that does not.</summary>
    public static TheoryData<string, double, double, string[]> Edges => new()
    {
        { "postgres.connect_timeout", 2, 2.001, ["postgres.connect_timeout (2.001s) must be at most failover.health_check_timeout (2s)"] },
        { "failover.health_check_timeout", 2, 1.999, ["postgres.connect_timeout (2s) must be at most failover.health_check_timeout (1.999s)"] },
        {
            "failover.pause_timeout", 9.999, 10,
            ["failover.pause_timeout (10s) + failover.migrate_timeout (15s), together 25s, must be less than failover.pause_expiry (25s)"]
        },
        { "failover.migrate_timeout", 5.001, 5, ["failover.pause_timeout (5s) must be less than failover.migrate_timeout (5s)"] },
        {
            "failover.pause_expiry", 20.001, 20,
            ["failover.pause_timeout (5s) + failover.migrate_timeout (15s), together 20s, must be less than failover.pause_expiry (20s)"]
        },
        { "failover.lock_ttl", 25.001, 25, ["failover.pause_expiry (25s) must be less than failover.lock_ttl (25s)"] },
        {
            "etcd.timeout", 9.999, 10,
            [
                "etcd.timeout (10s) must be less than agent.state_ttl (10s)",
                "etcd.timeout (10s) must be less than health.failover_timeout (10s)",
            ]
        },
        {
            "health.interval", 8.999, 9,
            ["health.interval (9s) + health.probe_timeout (1s), together 10s, must be less than health.failover_timeout (10s)"]
        },
        {
            "health.probe_timeout", 8.999, 9,
            ["health.interval (1s) + health.probe_timeout (9s), together 10s, must be less than health.failover_timeout (10s)"]
        },
        { "health.failover_timeout", 59.999, 60, ["health.failover_timeout (1m) must be less than health.observer_timeout (1m)"] },
        { "health.observer_timeout", 10.001, 10, ["health.failover_timeout (10s) must be less than health.observer_timeout (10s)"] },
        { "agent.state_ttl", 3.001, 3, ["etcd.timeout (3s) must be less than agent.state_ttl (3s)"] },
    };

    [Theory]
    [MemberData(nameof(Edges))]
    public void Each_budget_fits_into_the_next(string path, double good, double bad, string[] messages)
    {
        Assert.Empty(BudgetRules.Check(With(path, good)));

        var violations = BudgetRules.Check(With(path, bad));
        Assert.Equal(messages.Length, violations.Count);
        Assert.All(messages.Zip(violations), pair =>
        {
            Assert.StartsWith(pair.First + ", or ", pair.Second.Message, StringComparison.Ordinal);
            Assert.Contains(path, pair.Second.Paths);
        });
    }

    [Fact]
    public void A_binding_reports_a_budget_where_it_was_set()
    {
        Assert.Equal(
            ["c.toml:4:12: failover.pause_expiry (25s) must be less than failover.lock_ttl (20s), or somebody else may begin while poolers are still paused"],
            ConfigTexts.Problems("[cluster]\nname = 'demo'\n[failover]\nlock_ttl = '20s'"));
        Assert.Equal(
            ["--failover-lock-ttl: failover.pause_expiry (30s) must be less than failover.lock_ttl (20s), or somebody else may begin while poolers are still paused"],
            ConfigTexts.Problems(
                "[cluster]\nname = 'demo'\n[failover]\nlock_ttl = '90s'",
                new() { ["PGCLUSTER_FAILOVER_PAUSE_EXPIRY"] = "30s" },
                new() { ["failover.lock_ttl"] = "20s" }));
    }

    static ClusterConfig With(string path, double seconds) =>
        ConfigSchema.Sections.First(section => section.Options.Any(option => option.Path == path)).Bind(
            Standard,
            entry: null,
            new BindContext(new() { Flags = new Dictionary<string, string> { [path] = DurationText.Format(TimeSpan.FromSeconds(seconds)) } }));
}
