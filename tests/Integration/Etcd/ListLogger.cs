using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>Keeps what was logged.</summary>
internal sealed class ListLogger : ILogger
{
    private readonly ConcurrentQueue<(string? Name, string Text)> _entries = new();

    /// <summary>Every message, with its event's name.</summary>
    public IReadOnlyCollection<(string? Name, string Text)> Entries => _entries;

    /// <summary>How often an event was logged.</summary>
    public int Count(string name) => _entries.Count(entry => entry.Name == name);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _entries.Enqueue((eventId.Name, formatter(state, exception)));
}
