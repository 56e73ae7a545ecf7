using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Membership;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What <c>supervise</c> and <c>proxy</c> have in common: one process with a gRPC listener and, where asked for, an HTTP one; logs as text on a
/// terminal and as JSON elsewhere; the first SIGTERM, SIGINT or SIGQUIT drains, the second ends at once.
/// </summary>
internal static class Daemon
{
    /// <summary>Exit code of a process that was told twice to end.</summary>
    public const int Killed = 130;

    /// <summary>Makes the host.</summary>
    /// <param name="grpc">Where gRPC listens; null for nowhere.</param>
    /// <param name="http">Where plain HTTP endpoints listen; null for nowhere.</param>
    /// <param name="tls">The certificates of both listeners.</param>
    public static WebApplicationBuilder CreateBuilder(HostPort? grpc, HostPort? http, TlsConfig tls)
    {
        // No settings from files or variables of ASP.NET: the cluster's configuration is the only one.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "pgcluster" });
        ConfigureLogs(builder.Logging);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, SignalsElsewhere>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = ClusterMembership.LongestDrain);
        if (grpc is null && http is null)
        {
            builder.Services.AddSingleton<IServer, NoListener>();
            return builder;
        }

        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            var certificates = tls.Enabled ? new GrpcTlsOptions(tls.CaFile, tls.CertFile, tls.KeyFile) : null;
            if (grpc is not null)
            {
                kestrel.ListenGrpc(grpc.Host, grpc.Port, certificates);
            }

            if (http is not null)
            {
                kestrel.ListenHttp(http.Host, http.Port, certificates);
            }
        });
        return builder;
    }

    /// <summary>The same log for what outlives one host.</summary>
    public static ILoggerFactory CreateLogs() => LoggerFactory.Create(ConfigureLogs);

    /// <summary>Runs until a signal ends it, or until one of its tasks fails. Returns the exit code.</summary>
    public static async Task<int> RunAsync(WebApplication app, IReadOnlyList<Task> work, CancellationToken cancellationToken)
    {
        using var signals = new StopSignals(cancellationToken);
        await RunUntilAsync(app, work, signals.Token).ConfigureAwait(false);
        return 0;
    }

    /// <summary>Runs until the token ends it, or until one of its tasks fails: a daemon that only half works must not look alive.</summary>
    public static async Task RunUntilAsync(WebApplication app, IReadOnlyList<Task> work, CancellationToken stop)
    {
        await app.StartAsync(CancellationToken.None).ConfigureAwait(false);
        foreach (var task in work)
        {
            _ = task.ContinueWith(_ => app.Lifetime.StopApplication(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }

        await app.WaitForShutdownAsync(stop).ConfigureAwait(false);
        await (work.FirstOrDefault(t => t.IsFaulted) ?? Task.CompletedTask).ConfigureAwait(false);
    }

    private static void ConfigureLogs(ILoggingBuilder logging)
    {
        logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.Hosting", LogLevel.Warning);
        if (Console.IsErrorRedirected)
        {
            logging.AddJsonConsole(o => o.TimestampFormat = "O");
        }
        else
        {
            logging.AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat) = (true, "HH:mm:ss.fff "));
        }

        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
