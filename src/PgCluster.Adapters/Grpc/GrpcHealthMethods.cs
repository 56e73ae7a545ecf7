using PgCluster.Protos.Health;

namespace PgCluster.Adapters.Grpc;

/// <summary>The methods of gRPC's standard health service, for both ends of a call.</summary>
public static class GrpcHealthMethods
{
    private const string Health = "grpc.health.v1.Health";

    /// <summary>Check: one answer.</summary>
    public static GrpcMethod<HealthCheckRequest, HealthCheckResponse> Check { get; } = new(Health, "Check");

    /// <summary>Watch: a stream that begins with the answer.</summary>
    public static GrpcMethod<HealthCheckRequest, HealthCheckResponse> Watch { get; } = new(Health, "Watch");
}
