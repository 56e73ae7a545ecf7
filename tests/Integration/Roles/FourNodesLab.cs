using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Four nodes of which three vote. Rounds are so far apart that what is seen to happen has happened at once.</summary>
public sealed class FourNodesLab : ClusterLab
{
    /// <summary>Where the hook leaves what it was given, below the playground.</summary>
    public const string HookFile = "pg01/roles-hook.json";

    protected override int Nodes => 4;

    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.adjustment_interval"] = "1h",
        ["roles.hook"] = "tee," + HookFile,
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
    };
}
