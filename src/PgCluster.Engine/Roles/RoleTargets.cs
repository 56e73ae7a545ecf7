using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Roles;

/// <summary>What <c>[roles]</c> means together with <c>synchronous.mode</c>: voters are whom commits may wait for, so the mode has a say in who they are.</summary>
public static class RoleTargets
{
    /// <summary>
    /// What is asked of the roles; null when nothing is, because the list of synchronous standbys is the operator's. Where nobody is waited for, the primary alone votes. With two nodes both vote, as the
    /// three of them would that are asked for.
    /// </summary>
    /// <remarks>
    /// With protection a voter that is offline stays until another has its place; the other modes let it go. Where every node votes nobody could have its place, and there is nothing to let go of: the list of
    /// synchronous standbys leaves out who is away by itself.
    /// </remarks>
    /// <param name="config">The cluster.</param>
    /// <param name="maxSteps">Most changes of one plan; at least 1.</param>
    public static RoleRequest? Of(ClusterConfig config, int maxSteps)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (mode, nodes, roles) = (config.Synchronous.Mode, config.Nodes.Count, config.Roles);
        if (mode == SynchronousMode.Manual)
        {
            return null;
        }

        var voters = mode == SynchronousMode.Performance ? 1
            : nodes < RoleDecider.UsefulSize ? Math.Min(roles.Voters, Math.Max(nodes, 1))
            : roles.Voters;
        return new RoleRequest
        {
            Voters = voters,
            StandBys = roles.Standbys,
            Mode = mode == SynchronousMode.Protection || nodes <= voters ? RoleMode.Strict : RoleMode.Relaxed,
            MaxSteps = maxSteps,
        };
    }
}
