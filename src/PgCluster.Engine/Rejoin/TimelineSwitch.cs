namespace PgCluster.Engine.Rejoin;

/// <summary>Where a timeline ended: one line of a history file.</summary>
/// <param name="Timeline">The timeline that ended.</param>
/// <param name="Lsn">The first position that belongs to the next one.</param>
public sealed record TimelineSwitch(int Timeline, Lsn Lsn);
