using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PgCluster.Handoff.Linux;

/// <summary>Bytes with a descriptor beside them, over a Unix socket (SCM_RIGHTS).</summary>
internal static unsafe class DescriptorMessages
{
    /// <summary>Sends bytes and one descriptor. Returns how many bytes went, and with the first of them the descriptor; 0 when nothing can be sent now.</summary>
    /// <exception cref="SocketException">The connection is gone.</exception>
    public static int TrySend(SafeHandle socket, ReadOnlySpan<byte> data, SafeHandle descriptor)
    {
        var added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            fixed (byte* start = data)
            {
                var vector = new Native.Vector { Base = start, Length = (nuint)data.Length };
                var rights = new Native.OneDescriptor
                {
                    Length = Native.OneDescriptor.LengthInUse,
                    Level = Native.SocketLevel,
                    Type = Native.Rights,
                    Descriptor = (int)descriptor.DangerousGetHandle(),
                };
                var message = new Native.MessageHeader
                {
                    Vectors = &vector, VectorCount = 1, Ancillary = &rights, AncillaryLength = (nuint)sizeof(Native.OneDescriptor),
                };
                var sent = Native.SendMessage(socket, &message, Native.DoNotWait | Native.NoSignal);
                return sent > 0 ? (int)sent : Failed(Marshal.GetLastPInvokeError(), "Cannot pass a descriptor");
            }
        }
        finally
        {
            if (added)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Reads bytes that are there, and the descriptor that came with the first of them. Returns how many; 0 when there are none any more.</summary>
    /// <exception cref="HandoffException">System: the kernel had to drop the descriptor.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer, out DescriptorHandle? descriptor)
    {
        descriptor = null;
        fixed (byte* start = buffer)
        {
            var vector = new Native.Vector { Base = start, Length = (nuint)buffer.Length };
            var rights = default(Native.OneDescriptor);
            var message = new Native.MessageHeader
            {
                Vectors = &vector, VectorCount = 1, Ancillary = &rights, AncillaryLength = (nuint)sizeof(Native.OneDescriptor),
            };
            var read = Native.ReceiveMessage(socket, &message, Native.DoNotWait | Native.CloseOnExecReceived);
            if (read < 0)
            {
                return Failed(Marshal.GetLastPInvokeError(), "Cannot receive a descriptor");
            }

            if (message.AncillaryLength >= Native.OneDescriptor.LengthInUse && rights is { Level: Native.SocketLevel, Type: Native.Rights })
            {
                descriptor = new DescriptorHandle(rights.Descriptor);
            }

            if ((message.Flags & Native.ControlTruncated) != 0)
            {
                descriptor?.Dispose();
                throw new HandoffException(HandoffError.System, "A descriptor was lost on its way: this process may not have more of them open. Raise its limit (ulimit -n, LimitNOFILE).");
            }

            return (int)read;
        }
    }

    private static int Failed(int error, string what) => error switch
    {
        Native.TryAgain or Native.Interrupted or Native.TooManyReferences => 0,
        Native.BrokenPipe or Native.ConnectionReset => throw new SocketException((int)SocketError.ConnectionReset),
        _ => throw Native.Error(what, error),
    };
}
