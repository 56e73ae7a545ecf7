using System.Net.Sockets;
using PgCluster.Handoff.Linux;

namespace PgCluster.Handoff.Protocol;

/// <summary>A connection between two processes, over which messages and descriptors go. One reader and one writer at a time.</summary>
internal sealed class HandoffChannel(Socket socket, TimeProvider timeProvider) : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(1);

    /// <summary>Who is at the other end.</summary>
    public PeerCredentials Peer { get; } = PeerCredentials.Of(socket);

    public void Dispose() => socket.Dispose();

    /// <summary>Sends a message.</summary>
    /// <exception cref="SocketException">The other process is gone.</exception>
    public async Task SendAsync(HandoffMessage message, CancellationToken cancellationToken) =>
        await SendRestAsync(Frame.Encode(message), cancellationToken).ConfigureAwait(false);

    /// <summary>The next message; null when the other process has closed the connection, or is gone.</summary>
    /// <exception cref="HandoffException">Protocol.</exception>
    public async Task<HandoffMessage?> ReceiveAsync(CancellationToken cancellationToken)
    {
        var header = new byte[Frame.HeaderBytes];
        return await FillAsync(header, cancellationToken).ConfigureAwait(false) ? await ReceiveBodyAsync(header, cancellationToken).ConfigureAwait(false) : null;
    }

    /// <summary>
    /// Sends one descriptor, with its id as a message of its own. Never more than one a message: a kernel takes a limited number, and what comes
    /// together is hard to tell apart on a stream.
    /// </summary>
    /// <exception cref="SocketException">The other process is gone.</exception>
    /// <exception cref="HandoffException">System: the kernel does not pass it.</exception>
    public async Task SendDescriptorAsync(string id, DescriptorHandle descriptor, CancellationToken cancellationToken)
    {
        var frame = Frame.Encode(new HandoffMessage.Descriptor(id));
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var sent = DescriptorMessages.TrySend(socket.SafeHandle, frame, descriptor);
            if (sent > 0)
            {
                await SendRestAsync(frame.AsMemory(sent), cancellationToken).ConfigureAwait(false);
                return;
            }

            // The buffer is full, or as many descriptors are on their way as this process may have open: the successor has to catch up.
            await Task.Delay(RetryInterval, timeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The next message, which has to be a descriptor's, with that descriptor; null when the other process is gone.</summary>
    /// <exception cref="HandoffException">Protocol: it is another one, or comes alone. System: this process may not have more descriptors.</exception>
    public async Task<(HandoffMessage.Descriptor Message, DescriptorHandle Handle)?> ReceiveDescriptorAsync(CancellationToken cancellationToken)
    {
        // A look ahead waits for the first byte and leaves the descriptor that comes with it where it is.
        if (!await WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var header = new byte[Frame.HeaderBytes];
        DescriptorHandle? handle = null;
        try
        {
            var read = DescriptorMessages.Receive(socket.SafeHandle, header, out handle);
            if (!await FillAsync(header.AsMemory(read), cancellationToken).ConfigureAwait(false)
                || await ReceiveBodyAsync(header, cancellationToken).ConfigureAwait(false) is not { } message)
            {
                handle?.Dispose();
                return null;
            }

            return message is HandoffMessage.Descriptor descriptor && handle is not null
                ? (descriptor, handle)
                : throw Unexpected(message);
        }
        catch
        {
            handle?.Dispose();
            throw;
        }
    }

    /// <summary>The error of a message that has no place where it came.</summary>
    public static HandoffException Unexpected(HandoffMessage message) => message is HandoffMessage.Refused refused
        ? new HandoffException(ErrorOf(refused.Code), refused.Reason)
        : new HandoffException(HandoffError.Protocol, $"The other process sent '{message.GetType().Name}' where this has no place.");

    private static HandoffError ErrorOf(RefusalCode code) => code switch
    {
        RefusalCode.NotTrusted => HandoffError.NotTrusted,
        RefusalCode.Protocol => HandoffError.Protocol,
        RefusalCode.State => HandoffError.StateRefused,
        RefusalCode.Over => HandoffError.OwnerLost,
        _ => HandoffError.Refused,
    };

    private async Task SendRestAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        while (data.Length > 0)
        {
            data = data[await socket.SendAsync(data, SocketFlags.None, cancellationToken).ConfigureAwait(false)..];
        }
    }

    private async Task<HandoffMessage?> ReceiveBodyAsync(byte[] header, CancellationToken cancellationToken)
    {
        var body = new byte[Frame.ReadLength(header)];
        return await FillAsync(body, cancellationToken).ConfigureAwait(false) ? Frame.Decode(body) : null;
    }

    private async Task<bool> WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1], SocketFlags.Peek, cancellationToken).ConfigureAwait(false) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<bool> FillAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            while (buffer.Length > 0)
            {
                var read = await socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return false;
                }

                buffer = buffer[read..];
            }

            return true;
        }
        catch (SocketException)
        {
            // Reset: the other process died with something of ours unread.
            return false;
        }
    }
}
