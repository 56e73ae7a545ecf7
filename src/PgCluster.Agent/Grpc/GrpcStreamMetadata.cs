namespace PgCluster.Agent.Grpc;

/// <summary>Marks the endpoint of a method whose calls last for as long as their clients like: nobody waits for their end.</summary>
internal sealed class GrpcStreamMetadata
{
    public static GrpcStreamMetadata Instance { get; } = new();
}
