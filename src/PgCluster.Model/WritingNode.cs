namespace PgCluster;

/// <summary>A server that said, asked itself, that it accepts writes.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Timeline">Timeline it writes.</param>
/// <param name="Lsn">How far it had written; text form.</param>
public sealed record WritingNode(string Name, int Timeline, string Lsn)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} on timeline {Timeline} at {Lsn}";
}
