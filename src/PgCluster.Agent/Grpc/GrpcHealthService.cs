using PgCluster.Adapters.Grpc;
using PgCluster.Protos.Health;
using Status = PgCluster.Protos.Health.HealthCheckResponse.Types.ServingStatus;

namespace PgCluster.Agent.Grpc;

/// <summary>
/// gRPC's standard health service: whatever the map serves is serving, for as long as the process accepts. It says nothing of the node: that is the agent's own service.
/// </summary>
public static class GrpcHealthService
{
    /// <summary>Serves it for all services of the map, those that are mapped later included.</summary>
    public static GrpcServiceMap MapHealth(this GrpcServiceMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map
            .MapUnary(GrpcHealthMethods.Check, (request, _) => map.Serves(request.Service)
                ? Task.FromResult(new HealthCheckResponse { Status = Status.Serving })
                : throw new GrpcException(GrpcStatusCode.NotFound, $"No service {request.Service} is served here."))
            .MapServerStreaming(GrpcHealthMethods.Watch, async (request, answers, call) =>
            {
                await answers.WriteAsync(new HealthCheckResponse { Status = map.Serves(request.Service) ? Status.Serving : Status.ServiceUnknown }).ConfigureAwait(false);

                // It does not change while the process lives.
                await Task.Delay(Timeout.InfiniteTimeSpan, call.CancellationToken).ConfigureAwait(false);
            });
    }
}
