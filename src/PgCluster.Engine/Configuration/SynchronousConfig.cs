namespace PgCluster.Engine.Configuration;

/// <summary>The synchronous policy that the leader maintains.</summary>
public sealed record SynchronousConfig
{
    /// <summary>What commits wait for, and what gives way.</summary>
    public SynchronousMode Mode { get; init; } = SynchronousMode.Manual;

    /// <summary>How many standbys a commit waits for.</summary>
    public int Standbys { get; init; } = 1;

    /// <summary>Which standbys are named.</summary>
    public SynchronousMethod Method { get; init; } = SynchronousMethod.Any;

    /// <summary>WAL in bytes that a standby may lack when commits begin to wait for it.</summary>
    public long MaxLag { get; init; } = 16 * 1024 * 1024;
}
