using Microsoft.Extensions.Logging;

namespace PgCluster.Client;

/// <summary>How much a line of a log matters.</summary>
public enum ClientLogLevel
{
    /// <summary>For those who look for a fault.</summary>
    Debug = 0,

    /// <summary>What is being done.</summary>
    Information,

    /// <summary>Unexpected, but it goes on. Never an error: those are the results of the calls.</summary>
    Warning,
}

/// <summary>Takes the log of a connection, from any thread; must not wait and must not throw.</summary>
/// <param name="level">How much it matters.</param>
/// <param name="text">The line.</param>
public delegate void ClientLog(ClientLogLevel level, string text);

/// <summary>Leads the log of the rooms below to a <see cref="ClientLog"/>: no package's type is in this room's surface.</summary>
internal sealed class ClientLoggerFactory(ClientLog log) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Logger(log);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Logger(ClientLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is not (LogLevel.None or LogLevel.Trace);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                var text = formatter(state, exception);
                log(
                    logLevel switch { LogLevel.Debug => ClientLogLevel.Debug, LogLevel.Information => ClientLogLevel.Information, _ => ClientLogLevel.Warning },
                    exception is null ? text : $"{text}: {exception.Message}");
            }
        }
    }
}
