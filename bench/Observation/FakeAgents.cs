using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Nodes;
using PgCluster.Protos.V1;

namespace PgCluster.Bench.Observation;

/// <summary>Agents without a server beneath them, served by the agent's own gRPC layer; each answers at once with the report of a healthy standby.</summary>
internal sealed class FakeAgents : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeAgents(WebApplication app) => _app = app;

    public IReadOnlyList<Uri> Addresses => [.. _app.Urls.Select(url => new Uri(url))];

    public static async Task<FakeAgents> StartAsync(int count, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            for (var i = 0; i < count; i++)
            {
                kestrel.ListenGrpc("127.0.0.1", 0, null);
            }
        });
        var app = builder.Build();
        var report = new NodeReport(
            "pg", new PostgresStatus { State = NodeState.Running, Role = NodeRole.Standby, Evidence = new string('x', 500) }, "bench", TimeProvider.System.GetUtcNow()).ToJson();
        app.MapGrpc(new GrpcServerOptions()).MapUnary(PeerMethods.GetStatus, (_, _) => Task.FromResult(new GetStatusResponse { StatusJson = report }));

        // The floor on the same listener: bytes in, the same bytes out.
        var answer = RawHttp2.Frame(new GetStatusResponse { StatusJson = report });
        app.MapPost("/floor", async (HttpContext context) =>
        {
            var buffer = new byte[1024];
            while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) > 0)
            {
            }

            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(answer, context.RequestAborted);
        });
        await app.StartAsync(cancellationToken);
        return new FakeAgents(app);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
