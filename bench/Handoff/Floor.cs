using System.Diagnostics;
using System.Net.Sockets;
using PgCluster.Handoff.Linux;

namespace PgCluster.Bench.Handoff;

/// <summary>The least: descriptors one after the other, each with one byte, then a byte each way. No lock, no names, no state, no messages.</summary>
internal sealed class Floor : IDisposable
{
    public const string Name = "floor";

    private readonly Socket _listener;
    private readonly DescriptorHandle[] _descriptors;

    public Floor(string path, int count)
    {
        Path = path;
        _listener = UnixSockets.Listen(path, backlog: 1);
        _descriptors = [.. Enumerable.Range(0, count).Select(_ => DescriptorHandle.DuplicateOf(_listener.SafeHandle))];
        new Thread(Serve) { IsBackground = true }.Start();
    }

    public string Path { get; }

    /// <summary>The other side, in a process of its own.</summary>
    public static int Receive(string path)
    {
        var began = Stopwatch.GetTimestamp();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        Span<byte> data = stackalloc byte[1];
        var count = 0;
        do
        {
            socket.Poll(-1, SelectMode.SelectRead);
            DescriptorMessages.Receive(socket.SafeHandle, data, out var descriptor);
            count += descriptor is null ? 0 : 1;
        }
        while (data[0] != 0);

        socket.Send(data);
        socket.Receive(data);
        Child.Say(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        return count > 0 ? 0 : 1;
    }

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var descriptor in _descriptors)
        {
            descriptor.Dispose();
        }
    }

    private void Serve()
    {
        try
        {
            while (true)
            {
                using var socket = _listener.Accept();
                for (var i = 0; i < _descriptors.Length; i++)
                {
                    ReadOnlySpan<byte> left = [(byte)(i == _descriptors.Length - 1 ? 0 : 1)];
                    while (DescriptorMessages.TrySend(socket.SafeHandle, left, _descriptors[i]) == 0)
                    {
                        socket.Poll(-1, SelectMode.SelectWrite);
                    }
                }

                var answer = new byte[1];
                socket.Receive(answer);
                socket.Send(answer);
            }
        }
        catch (SocketException)
        {
            // Disposed.
        }
    }
}
