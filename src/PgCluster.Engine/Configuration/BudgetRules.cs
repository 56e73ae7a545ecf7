namespace PgCluster.Engine.Configuration;

/// <summary>
/// Which time budget has to fit into which. Each rule is there because of what happens to clients when it does not hold.
/// </summary>
public static class BudgetRules
{
    static readonly Budget ConnectTimeout = new("postgres.connect_timeout", config => config.Postgres.ConnectTimeout);
    static readonly Budget HealthCheckTimeout = new("failover.health_check_timeout", config => config.Failover.HealthCheckTimeout);
    static readonly Budget PauseTimeout = new("failover.pause_timeout", config => config.Failover.PauseTimeout);
    static readonly Budget MigrateTimeout = new("failover.migrate_timeout", config => config.Failover.MigrateTimeout);
    static readonly Budget PauseExpiry = new("failover.pause_expiry", config => config.Failover.PauseExpiry);
    static readonly Budget LockTtl = new("failover.lock_ttl", config => config.Failover.LockTtl);
    static readonly Budget EtcdTimeout = new("etcd.timeout", config => config.Etcd.Timeout);
    static readonly Budget LeaderTtl = new("leader.ttl", config => config.Leader.Ttl);
    static readonly Budget ProbeInterval = new("agent.probe_interval", config => config.Agent.ProbeInterval);
    static readonly Budget StateTtl = new("agent.state_ttl", config => config.Agent.StateTtl);

    static readonly Budget HealthInterval = new("health.interval", config => config.Health.Interval);
    static readonly Budget ProbeTimeout = new("health.probe_timeout", config => config.Health.ProbeTimeout);
    static readonly Budget HealthFailoverTimeout = new("health.failover_timeout", config => config.Health.FailoverTimeout);
    static readonly Budget ObserverTimeout = new("health.observer_timeout", config => config.Health.ObserverTimeout);

    static readonly Rule[] Rules =
    [
        new([ConnectTimeout], HealthCheckTimeout, MayBeEqual: true, "or a server that is slow to connect looks like an agent that is gone"),
        new([PauseTimeout], MigrateTimeout, MayBeEqual: false, "or pausing alone may take as long as the whole move"),
        new([PauseTimeout, MigrateTimeout], PauseExpiry, MayBeEqual: false, "or poolers resume towards a primary that is not there yet"),
        new([PauseExpiry], LockTtl, MayBeEqual: false, "or somebody else may begin while poolers are still paused"),
        new([EtcdTimeout], StateTtl, MayBeEqual: false, "or one slow request makes a living agent look dead"),
        new([ProbeInterval], LeaderTtl, MayBeEqual: false, "or a leader is replaced before its agent has looked at its server"),
        new([HealthInterval, ProbeTimeout], HealthFailoverTimeout, MayBeEqual: false, "or what was seen of a healthy node expires before the next look"),
        new([EtcdTimeout], HealthFailoverTimeout, MayBeEqual: false, "or one slow request makes every node look unhealthy"),
        new([HealthFailoverTimeout], ObserverTimeout, MayBeEqual: false, "or an observer loses its vote before its word does"),
    ];

    /// <summary>The rules this configuration breaks; empty when every budget nests.</summary>
    /// <param name="config">Values that are each in range.</param>
    public static IReadOnlyList<ConfigViolation> Check(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return [.. Rules.Select(rule => rule.Check(config)).OfType<ConfigViolation>()];
    }

    sealed record Budget(string Path, Func<ClusterConfig, TimeSpan> Value)
    {
        public string Show(ClusterConfig config) => $"{Path} ({DurationText.Format(Value(config))})";
    }

    sealed record Rule(IReadOnlyList<Budget> Inner, Budget Outer, bool MayBeEqual, string Otherwise)
    {
        public ConfigViolation? Check(ClusterConfig config)
        {
            var inner = Inner.Aggregate(TimeSpan.Zero, (sum, budget) => sum + budget.Value(config));
            var outer = Outer.Value(config);
            if (inner < outer || (MayBeEqual && inner == outer))
            {
                return null;
            }

            var left = string.Join(" + ", Inner.Select(budget => budget.Show(config)));
            var sum = Inner.Count > 1 ? $", together {DurationText.Format(inner)}," : "";
            var relation = MayBeEqual ? "at most" : "less than";
            return new(
                [.. Inner.Select(budget => budget.Path), Outer.Path],
                $"{left}{sum} must be {relation} {Outer.Show(config)}, {Otherwise}");
        }
    }
}
