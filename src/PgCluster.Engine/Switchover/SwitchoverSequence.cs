namespace PgCluster.Engine.Switchover;

/// <summary>A sequence without its position.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Minimum">Lowest value.</param>
/// <param name="Maximum">Highest value.</param>
/// <param name="Increment">Step.</param>
/// <param name="Cycle">Whether it begins again at its end.</param>
public sealed record SwitchoverSequence(TableName Name, long Minimum, long Maximum, long Increment, bool Cycle);
