using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;

namespace PgCluster.Agent.Services;

/// <summary>What monitoring asks an observer over HTTP: whether its word still counts, and what it sees.</summary>
internal sealed class ObserverEndpoints(HealthMonitor monitor, HealthGauges gauges, ClusterConfig config, string name)
{
    private static readonly string[] Methods = ["GET", "HEAD", "OPTIONS"];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/health", Methods, context =>
        {
            context.Response.StatusCode = Speaks ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        });
        routes.MapMethods("/metrics", Methods, async context =>
        {
            var text = new PrometheusText($"cluster=\"{config.Name}\",observer=\"{name}\"");
            text.Gauge("pgcluster_observer_speaks", "1 while what this observer sees is in etcd, not older than health.failover_timeout.", Speaks ? 1 : 0);
            gauges.AddTo(text);
            context.Response.ContentType = PrometheusText.ContentType;
            await context.Response.WriteAsync(text.ToString(), context.RequestAborted).ConfigureAwait(false);
        });
    }

    private bool Speaks => monitor.SinceWritten < config.Health.FailoverTimeout;
}
