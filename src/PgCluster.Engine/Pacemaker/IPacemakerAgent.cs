using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// What an agent does with Pacemaker for the holder of the cluster's lock. Errors as <see cref="INodeAgent"/>'s, and <see cref="Reason.PacemakerUnavailable"/>; <see cref="Reason.NoQuorum"/> on the side that
/// has none.
/// </summary>
public interface IPacemakerAgent
{
    /// <summary>What Pacemaker would do when the primary were moved to <paramref name="target"/>, in its own words. Changes nothing.</summary>
    Task<IReadOnlyList<string>> SimulateMoveAsync(string target, CancellationToken cancellationToken);

    /// <summary>Asks Pacemaker to move the primary to <paramref name="target"/>, which has to be its synchronous standby at this moment. Returns before anything has moved.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NoEligibleCandidate"/> when it is not: nothing was asked.</exception>
    Task MoveAsync(OperationToken operation, string target, CancellationToken cancellationToken);

    /// <summary>
    /// Returns when the server of <paramref name="node"/>, a standby until now, accepts writes and its address is published. Of another node than the agent's own Pacemaker has to say so too, and the publication may be
    /// anybody's; the timeline is 0 where that server does not let the agent ask.
    /// </summary>
    Task<Promotion> WaitForPromotionAsync(OperationToken operation, string node, CancellationToken cancellationToken);

    /// <summary>Removes what <see cref="MoveAsync"/> left in Pacemaker; success when nothing is left. The lock need not be held.</summary>
    Task ClearMoveAsync(CancellationToken cancellationToken);

    /// <summary>Has Pacemaker stop what runs on a node that is out of service, and run nothing there until it is back. Returns before anything has stopped.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.LockLost"/> when the node is in service: nothing was asked.</exception>
    Task SetStandbyAsync(OperationToken operation, string node, CancellationToken cancellationToken);

    /// <summary>
    /// Has Pacemaker start the server of this node behind <paramref name="upstream"/>, the primary, and returns what was done. Where the lock file of an old primary is in the way it is removed once it is
    /// proven that the upstream has everything this server has.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNeeded"/> when it is not: nothing was done, and the server needs a repair.</exception>
    Task<string> SettleAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken);
}
