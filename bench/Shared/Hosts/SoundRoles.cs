namespace PgCluster.Bench.Hosts;

/// <summary>Who is what in a cluster that is as it should be.</summary>
/// <param name="Primary">The primary.</param>
/// <param name="Synchronous">The standby whose answer commits wait for.</param>
/// <param name="Other">The standby that stands by for that one.</param>
/// <param name="Timeline">The timeline of all.</param>
internal sealed record SoundRoles(string Primary, string Synchronous, string Other, int Timeline);
