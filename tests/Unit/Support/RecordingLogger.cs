using Microsoft.Extensions.Logging;

namespace PgCluster.Tests.Unit.Support;

/// <summary>Keeps what was logged, so that a test can ask by event id.</summary>
public sealed class RecordingLogger<T> : ILogger<T>
{
    private readonly Lock _sync = new();
    private readonly List<(int Id, LogLevel Level, string Text)> _entries = [];

    public IReadOnlyList<(int Id, LogLevel Level, string Text)> Entries
    {
        get
        {
            lock (_sync)
            {
                return [.. _entries];
            }
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_sync)
        {
            _entries.Add((eventId.Id, logLevel, formatter(state, exception)));
        }
    }
}
