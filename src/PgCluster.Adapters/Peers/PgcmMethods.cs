using PgCluster.Adapters.Grpc;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Adapters.Peers;

/// <summary>The methods of pgsql-cluster-manager's service, for both ends of a call.</summary>
public static class PgcmMethods
{
    private const string Failover = "failover.Failover";

    /// <summary>health_check: says that the agent can be reached, and nothing else.</summary>
    public static GrpcMethod<Empty, HealthCheckResponse> HealthCheck { get; } = new(Failover, "health_check");

    /// <summary>pause.</summary>
    public static GrpcMethod<PauseRequest, PauseResponse> Pause { get; } = new(Failover, "pause");

    /// <summary>resume: whoever's pause it is.</summary>
    public static GrpcMethod<Empty, ResumeResponse> Resume { get; } = new(Failover, "resume");

    /// <summary>migrate.</summary>
    public static GrpcMethod<Empty, MigrateResponse> Migrate { get; } = new(Failover, "migrate");

    /// <summary>unmigrate.</summary>
    public static GrpcMethod<Empty, UnmigrateResponse> Unmigrate { get; } = new(Failover, "unmigrate");

    /// <summary>A time as that service takes it: whole seconds, never less than was asked for, and never 0, which means at once for a timeout and never for an expiry.</summary>
    public static int Seconds(TimeSpan time) => (int)Math.Clamp(Math.Ceiling(time.TotalSeconds), 1, int.MaxValue);
}
