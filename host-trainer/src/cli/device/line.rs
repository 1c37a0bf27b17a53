//! What bytes go over: a serial port, or a TCP connection to whatever stands for one.
//!
//! A line carries bytes both ways, loses some, and breaks. It knows nothing of frames.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serial2::SerialPort;

/// How long a host has to take a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// Bytes both ways.
pub trait Line {
    /// Writes all of them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Reads what is there, and waits for the first byte of it; 0 when none came in time.
    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize>;
    /// Begins anew after an error.
    fn reopen(&mut self) -> io::Result<()>;
    /// Bits a second, where the line has a speed.
    fn baud(&self) -> Option<u32> {
        None
    }
}

/// Where a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// A serial port.
    Serial(PathBuf),
    /// `host:port`.
    Tcp(String),
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix("tcp://") {
            return match address.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                    Ok(Self::Tcp(address.to_owned()))
                }
                _ => Err("write a host and the number of a port, as in tcp://127.0.0.1:7000".to_owned()),
            };
        }
        match text.split_once("://") {
            Some((scheme, _)) => {
                Err(format!("`{scheme}://` is not spoken here; tcp:// is, and the path of a serial port"))
            }
            None if text.is_empty() => Err("write the path of a serial port, or tcp://HOST:PORT".to_owned()),
            None => Ok(Self::Serial(text.into())),
        }
    }
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(path) => write!(f, "{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Port {
    /// The line to it.
    pub fn open(&self, baud: u32) -> io::Result<Box<dyn Line>> {
        Ok(match self {
            Self::Serial(path) => Box::new(Serial { path: path.clone(), baud, port: open_serial(path, baud)? }),
            Self::Tcp(address) => Box::new(Tcp { address: address.clone(), stream: connect(address)? }),
        })
    }
}

struct Tcp {
    address: String,
    stream: TcpStream,
}

/// Tries each address that the name stands for.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name stands for no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                // Frames are short, and each is waited for.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(refused) => error = refused,
        }
    }
    Err(error)
}

impl Line for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        read_in_time(&mut self.stream, buffer, wait)
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.stream = connect(&self.address)?;
        Ok(())
    }
}

/// Reads from a socket as [`Line::read`] does.
pub fn read_in_time(stream: &mut TcpStream, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
    // Zero would wait for ever.
    stream.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
    match stream.read(buffer) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side has closed the connection")),
        read => in_time(read),
    }
}

struct Serial {
    path: PathBuf,
    baud: u32,
    port: SerialPort,
}

/// Eight bits, no parity, and no byte that means anything to the system.
fn open_serial(path: &PathBuf, baud: u32) -> io::Result<SerialPort> {
    SerialPort::open(path, |mut settings: serial2::Settings| {
        settings.set_raw();
        settings.set_baud_rate(baud)?;
        Ok(settings)
    })
}

impl Line for Serial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.port.write_all(bytes)
    }

    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<usize> {
        self.port.set_read_timeout(wait.max(Duration::from_millis(1)))?;
        match self.port.read(buffer) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the port is gone")),
            read => in_time(read),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.port = open_serial(&self.path, self.baud)?;
        Ok(())
    }

    fn baud(&self) -> Option<u32> {
        Some(self.baud)
    }
}

/// That nothing came in time is no error; systems call it by two names.
fn in_time(read: io::Result<usize>) -> io::Result<usize> {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    match read {
        Err(error) if matches!(error.kind(), TimedOut | WouldBlock | Interrupted) => Ok(0),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_paths_or_addresses() {
        assert_eq!("/dev/ttyACM0".parse(), Ok(Port::Serial("/dev/ttyACM0".into())));
        assert_eq!("COM3".parse(), Ok(Port::Serial("COM3".into())));
        for address in ["tcp://127.0.0.1:7000", "tcp://[::1]:7000", "tcp://localhost:1"] {
            let port: Port = address.parse().unwrap();
            assert_eq!(port.to_string(), address);
        }
        for wrong in ["", "tcp://", "tcp://host", "tcp://:7000", "tcp://host:0", "tcp://host:70000", "udp://host:1"] {
            assert!(wrong.parse::<Port>().is_err(), "{wrong}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_serial_port_carries_every_byte_as_it_is() {
        let (mut device, port) = SerialPort::pair().unwrap();
        let mut line = Serial { path: PathBuf::new(), baud: 115_200, port };
        let all: Vec<u8> = (0..=255).collect();
        line.write(&all).unwrap();
        let mut received = vec![0; 256];
        device.set_read_timeout(Duration::from_secs(5)).unwrap();
        device.read_exact(&mut received).unwrap();
        assert_eq!(received, all);
        assert_eq!(line.read(&mut [0; 8], Duration::from_millis(5)).unwrap(), 0);
        device.write_all(&[0, 17, 19, 3, 255]).unwrap();
        let mut buffer = [9; 8];
        let mut read = 0;
        while read < 5 {
            read += line.read(&mut buffer[read..], Duration::from_secs(5)).unwrap();
        }
        assert_eq!(buffer, [0, 17, 19, 3, 255, 9, 9, 9]);
    }
}
