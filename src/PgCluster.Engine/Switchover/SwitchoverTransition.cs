namespace PgCluster.Engine.Switchover;

/// <summary>What a message leads to.</summary>
/// <param name="View">What is known now.</param>
/// <param name="Effects">What has to be done, in this order.</param>
public sealed record SwitchoverTransition(SwitchoverView View, IReadOnlyList<SwitchoverEffect> Effects);
