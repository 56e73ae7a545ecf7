using PgCluster.Playground;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Playground;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>A streaming cluster that somebody else has started, and agents that come afterwards.</summary>
public sealed class AdoptionLab : ClusterLab
{
    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
        ["failover.health_check_timeout"] = "8s",
    };

    protected override bool Synchronous => false;

    protected override PlaygroundManager MakeManager() => new(
        null, TimeProvider.System,
        options => new DirectLauncher { Then = (run, token) => new AgentLauncher(options.AgentExecutable).LaunchAsync(run, token) },
        () => PlaygroundPrograms.Find());
}
