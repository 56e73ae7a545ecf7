using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What <c>supervise</c>, <c>proxy</c> and <c>observe</c> have in common: logs as text on a terminal and as JSON elsewhere, and what comes from nowhere but the cluster's configuration. The first SIGTERM, SIGINT or
/// SIGQUIT drains, the second ends at once.
/// </summary>
internal static class Daemon
{
    /// <summary>Exit code of a process that was told twice to end.</summary>
    public const int Killed = 130;

    /// <summary>A host's builder that takes no settings from files or variables of ASP.NET: the cluster's configuration is the only one.</summary>
    public static WebApplicationBuilder CreateBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "pgcluster" });
        ConfigureLogs(builder.Logging);
        return builder;
    }

    /// <summary>The same log for what outlives one host.</summary>
    public static ILoggerFactory CreateLogs() => LoggerFactory.Create(ConfigureLogs);

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
