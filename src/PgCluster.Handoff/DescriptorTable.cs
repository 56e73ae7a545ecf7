using System.Runtime.InteropServices;

namespace PgCluster.Handoff;

/// <summary>The rules of a <see cref="DescriptorStore"/>: what can be registered, found and removed when. It opens nothing itself.</summary>
internal sealed class DescriptorTable : IDisposable
{
    /// <summary>The most characters of an id: it goes over the wire beside its descriptor, in one piece.</summary>
    public const int LongestId = 512;

    private readonly Lock _sync = new();
    private readonly Dictionary<string, StoredDescriptor> _entries = new(StringComparer.Ordinal);
    private StoreLock _lock = StoreLock.Open;

    /// <summary>What is registered, in the order of its ids.</summary>
    public IReadOnlyList<StoredDescriptor> Entries
    {
        get
        {
            lock (_sync)
            {
                return [.. _entries.Values.OrderBy(entry => entry.Info.Id, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Lets more or less happen from here on. Returns when what was under way has ended.</summary>
    /// <param name="current">What holds; asked for here, so that of two that come at once the later one counts.</param>
    public void SetLock(Func<StoreLock> current)
    {
        lock (_sync)
        {
            _lock = current();
        }
    }

    /// <summary>Takes what came from the process before.</summary>
    public void Inherit(IEnumerable<StoredDescriptor> inherited)
    {
        lock (_sync)
        {
            foreach (var entry in inherited)
            {
                _entries.Add(entry.Info.Id, entry);
            }
        }
    }

    /// <summary>What is registered under an id, or what is made and registered now. Found in any state of the store, made in an open one only.</summary>
    /// <param name="id">The id.</param>
    /// <param name="kind">What it has to be.</param>
    /// <param name="adopt">Makes the application's own of the store's copy.</param>
    /// <param name="create">Makes it, with a copy for the store. The store waits meanwhile, and a successor with it.</param>
    /// <exception cref="HandoffException">WrongKind, UpgradeInProgress, UpgradeCompleted, Stopped.</exception>
    public T GetOrAdd<T>(string id, DescriptorKind kind, Func<SafeHandle, T> adopt, Func<(string Address, SafeHandle Copy, T Made)> create)
    {
        ThrowIfUnusable(id);
        lock (_sync)
        {
            if (Find(id, kind) is { } found)
            {
                return adopt(found.Copy);
            }

            ThrowIfLocked("registered", id, _lock);
            var (address, copy, made) = create();
            _entries.Add(id, new StoredDescriptor(new DescriptorInfo(id, kind, address), copy, IsInherited: false));
            return made;
        }
    }

    /// <summary>What is registered under an id, in any state of the store; null for nothing.</summary>
    /// <exception cref="HandoffException">WrongKind.</exception>
    public T? Get<T>(string id, DescriptorKind kind, Func<SafeHandle, T> adopt)
        where T : class
    {
        lock (_sync)
        {
            return Find(id, kind) is { } found ? adopt(found.Copy) : null;
        }
    }

    /// <summary>Forgets an id and closes the store's copy. Not while a successor takes over; afterwards it may.</summary>
    /// <returns>What it was.</returns>
    /// <exception cref="HandoffException">NotFound, UpgradeInProgress.</exception>
    public DescriptorInfo Remove(string id)
    {
        lock (_sync)
        {
            if (!_entries.TryGetValue(id, out var entry))
            {
                throw new HandoffException(HandoffError.NotFound, $"Nothing is registered under '{id}'.");
            }

            if (_lock == StoreLock.InProgress)
            {
                ThrowIfLocked("removed", id, _lock);
            }

            _entries.Remove(id);
            entry.Copy.Dispose();
            return entry.Info;
        }
    }

    /// <summary>Forgets and closes what came from the process before and nobody asked for, and returns it.</summary>
    public IReadOnlyList<DescriptorInfo> RemoveUnused()
    {
        lock (_sync)
        {
            var unused = _entries.Values.Where(entry => !entry.IsUsed).ToArray();
            foreach (var entry in unused)
            {
                _entries.Remove(entry.Info.Id);
                entry.Copy.Dispose();
            }

            return [.. unused.Select(entry => entry.Info)];
        }
    }

    /// <summary>Closes every copy.</summary>
    public void Dispose()
    {
        lock (_sync)
        {
            _lock = StoreLock.Stopped;
            foreach (var entry in _entries.Values)
            {
                entry.Copy.Dispose();
            }

            _entries.Clear();
        }
    }

    private static void ThrowIfUnusable(string id)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        if (id.Length > LongestId)
        {
            throw new ArgumentException($"An id of {id.Length} characters is too long: use at most {LongestId}.", nameof(id));
        }
    }

    private static void ThrowIfLocked(string what, string id, StoreLock state)
    {
        switch (state)
        {
            case StoreLock.InProgress:
                throw new HandoffException(HandoffError.UpgradeInProgress, $"'{id}' cannot be {what} while a successor takes over: try again when that has succeeded or failed.");
            case StoreLock.Completed:
                throw new HandoffException(HandoffError.UpgradeCompleted, $"'{id}' cannot be {what}: a successor has taken over.");
            case StoreLock.Stopped:
                throw new HandoffException(HandoffError.Stopped, $"'{id}' cannot be {what}: this process takes no more part.");
        }
    }

    private StoredDescriptor? Find(string id, DescriptorKind kind)
    {
        if (!_entries.TryGetValue(id, out var entry))
        {
            return null;
        }

        if (entry.Info.Kind != kind)
        {
            throw new HandoffException(HandoffError.WrongKind, $"What is registered under '{id}' is a {entry.Info.Kind}, not a {kind}.");
        }

        entry.IsUsed = true;
        return entry;
    }
}
