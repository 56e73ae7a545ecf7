namespace PgCluster.Engine.Pooling;

/// <summary>What a pooler is called and where it is: the part of <see cref="PoolerInfo"/> that is configured, not observed.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Name">The pooler's name.</param>
/// <param name="Host">Host name or address its clients connect to.</param>
/// <param name="Port">TCP port its clients connect to.</param>
/// <param name="Node">The PostgreSQL node it stands beside; null for an application host's.</param>
/// <param name="Keeper">host:port of the process that keeps its pauses.</param>
public sealed record PoolerIdentity(string Cluster, string Name, string Host, int Port, string? Node, string Keeper);
