namespace PgCluster.Engine.Pacemaker;

/// <summary>A node in a <see cref="PacemakerReport"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsOnline">Whether it is a member now and its controller answers.</param>
/// <param name="InStandby">Whether it was told to run nothing.</param>
/// <param name="Role">What Pacemaker has its server for.</param>
/// <param name="SyncState">How its server takes part in synchronous replication, as Pacemaker has it.</param>
/// <param name="Failures">How often its server failed, by what it did.</param>
/// <param name="Evidence">What this is judged by, in the words of the resource agent.</param>
public sealed record PacemakerMember(
    string Name, bool IsOnline, bool InStandby, NodeRole Role, SyncState SyncState, IReadOnlyDictionary<string, int> Failures, string Evidence)
{
    /// <summary>The condition its server is in, as Pacemaker has it.</summary>
    public NodeState State { get; init; }
}
