namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Pacemaker as this very machine's tools show it and take orders for it. Errors are <see cref="PgClusterException"/>: <see cref="Reason.PacemakerUnavailable"/> when a tool fails or is late,
/// <see cref="Reason.MissingProgram"/> when it is not installed.
/// </summary>
public interface IPacemaker
{
    /// <summary>The cluster information base as this node has it; with what it says of quorum, which the reader has to mind.</summary>
    Task<Cib> ReadAsync(CancellationToken cancellationToken);

    /// <summary>A node's address, as corosync knows it.</summary>
    /// <param name="nodeId">Its id: digits.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="PgClusterException">Also <see cref="Reason.InvalidArgument"/>: that is no id; nothing was asked.</exception>
    Task<string> GetAddressAsync(string nodeId, CancellationToken cancellationToken);

    /// <summary>
    /// Orders the promoted instance of <paramref name="group"/> to <paramref name="node"/> by a constraint, which stays until <see cref="ClearAsync"/> and has no effect any more after
    /// <paramref name="lifetime"/>. Returns before anything has moved.
    /// </summary>
    Task MoveAsync(string group, string node, TimeSpan lifetime, CancellationToken cancellationToken);

    /// <summary>Removes what <see cref="MoveAsync"/> left; success when there is nothing.</summary>
    Task ClearAsync(string group, CancellationToken cancellationToken);

    /// <summary>
    /// Forgets everything of <paramref name="resource"/> on <paramref name="node"/>, its failures too, and has Pacemaker look again: what it finds down it starts, and what runs is left as it is. A server that is
    /// found down by such a look has not failed.
    /// </summary>
    Task RefreshAsync(string resource, string node, CancellationToken cancellationToken);

    /// <summary>What Pacemaker would do when <see cref="MoveAsync"/> were called: its own words, a line for each action. Changes nothing.</summary>
    Task<IReadOnlyList<string>> SimulateMoveAsync(string group, string node, CancellationToken cancellationToken);

    /// <summary>Lets Pacemaker leave all resources alone, or not any more (<c>maintenance-mode</c>).</summary>
    Task SetMaintenanceAsync(bool on, CancellationToken cancellationToken);

    /// <summary>Lets a node run nothing, or not any more (<c>standby</c>).</summary>
    Task SetStandbyAsync(string node, bool on, CancellationToken cancellationToken);

    /// <summary>Whether the resource agent's lock file is in that directory: the server of this node was the primary and did not end as the last one.</summary>
    bool HasLockFile(string temporaryDirectory);

    /// <summary>Removes it; success when there is none.</summary>
    void RemoveLockFile(string temporaryDirectory);

    /// <summary>Something happened to a resource: time for a look. Ends where the installed tools offer no such thing, and then looks are taken by the clock alone.</summary>
    IAsyncEnumerable<string> WatchAsync(CancellationToken cancellationToken);
}
